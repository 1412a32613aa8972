package jwks

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// Algorithms are those that a published key may verify (RFC 7518, 3.1; RFC 8037): asymmetric ones only.
var Algorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// Bits of an RSA key: at least what RFC 7518, 3.3 asks, and no more than can be verified quickly.
const (
	minRSA = 2048
	maxRSA = 8192
)

// Key is a public key and the algorithms that it may verify.
type Key struct {
	ID         string // kid; "" if it has none
	Algorithms []string
	Public     any // *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
}

// jwk is a key as providers publish it (RFC 7517, 4; RFC 7518, 6). Private members are not decoded.
type jwk struct {
	Kty string   `json:"kty"`
	Use string   `json:"use"`
	Ops []string `json:"key_ops"`
	Alg string   `json:"alg"`
	Kid string   `json:"kid"`
	N   string   `json:"n"`
	E   string   `json:"e"`
	Crv string   `json:"crv"`
	X   string   `json:"x"`
	Y   string   `json:"y"`
}

// Parse returns the keys of a set that may verify tokens. It skips the others, as RFC 7517, section 5, requires: keys for
// encryption, symmetric keys, weak keys, unknown types. A set without any usable key is an error.
//
// The library for this, jwkset, panics on a coordinate that is too long, and accepts small RSA keys and keys for encryption.
func Parse(body []byte) ([]Key, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, fmt.Errorf("not a key set: %w", err)
	}
	var keys []Key
	why := errors.New("the key set holds no key that may verify tokens")
	for i, raw := range set.Keys {
		k, err := parseKey(raw)
		if err != nil {
			why = fmt.Errorf("%w; key %d: %w", why, i+1, err)
			continue
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, why
	}
	return keys, nil
}

func parseKey(raw []byte) (Key, error) {
	var j jwk
	if err := json.Unmarshal(raw, &j); err != nil {
		return Key{}, err
	}
	if j.Use != "" && j.Use != "sig" || j.Ops != nil && !slices.Contains(j.Ops, "verify") {
		return Key{}, errors.New("not meant for signatures")
	}
	public, algorithms, err := j.public()
	if err != nil {
		return Key{}, err
	}
	if j.Alg != "" {
		if !slices.Contains(algorithms, j.Alg) {
			return Key{}, errors.New("its algorithm does not fit its type")
		}
		algorithms = []string{j.Alg}
	}
	return Key{ID: j.Kid, Algorithms: algorithms, Public: public}, nil
}

// public returns the key and every algorithm that its type allows.
func (j jwk) public() (public any, algorithms []string, err error) {
	switch j.Kty {
	case "RSA":
		public, err = j.rsa()
		return public, []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}, err
	case "EC":
		return j.ec()
	case "OKP":
		x, err := decode(j.X)
		if err != nil || j.Crv != "Ed25519" || len(x) != ed25519.PublicKeySize {
			return nil, nil, errors.New("not an Ed25519 key")
		}
		return ed25519.PublicKey(x), []string{"EdDSA"}, nil
	}
	return nil, nil, errors.New("its type is not for signatures")
}

func (j jwk) rsa() (*rsa.PublicKey, error) {
	n, errN := decode(j.N)
	e, errE := decode(j.E)
	if err := errors.Join(errN, errE); err != nil {
		return nil, err
	}
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e)
	if bits := modulus.BitLen(); bits < minRSA || bits > maxRSA {
		return nil, fmt.Errorf("%d bits of RSA, not %d to %d", bits, minRSA, maxRSA)
	}
	if exponent.BitLen() < 2 || exponent.BitLen() > 31 || exponent.Bit(0) == 0 {
		return nil, errors.New("not an RSA exponent") // with exponent 1 every text is its own signature
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}, nil
}

// curves: RFC 7518, 3.4 ties each algorithm to one curve.
var curves = map[string]struct {
	curve     elliptic.Curve
	algorithm string
}{
	"P-256": {elliptic.P256(), "ES256"},
	"P-384": {elliptic.P384(), "ES384"},
	"P-521": {elliptic.P521(), "ES512"},
}

func (j jwk) ec() (*ecdsa.PublicKey, []string, error) {
	c, ok := curves[j.Crv]
	if !ok {
		return nil, nil, errors.New("unknown curve")
	}
	x, errX := decode(j.X)
	y, errY := decode(j.Y)
	if err := errors.Join(errX, errY); err != nil {
		return nil, nil, err
	}
	size := (c.curve.Params().BitSize + 7) / 8
	if len(x) != size || len(y) != size {
		return nil, nil, errors.New("the coordinates do not have the size of the curve")
	}
	public, err := ecdsa.ParseUncompressedPublicKey(c.curve, slices.Concat([]byte{4}, x, y))
	return public, []string{c.algorithm}, err
}

// decode accepts base64url with or without padding: some providers pad, although RFC 7515, section 2, forbids it.
func decode(text string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
}
