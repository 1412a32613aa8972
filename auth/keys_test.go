package auth_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"maps"
	"math/big"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// changed returns a copy of a published key with members replaced, or removed by nil.
func changed(jwk, members map[string]any) map[string]any {
	out := maps.Clone(jwk)
	for name, value := range members {
		out[name] = value
		if value == nil {
			delete(out, name)
		}
	}
	return out
}

func newEC(t *testing.T, kid string, method *jwt.SigningMethodECDSA, curve elliptic.Curve) (signer, map[string]any) {
	t.Helper()
	private, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	size := (len(point) - 1) / 2
	return signer{method, private, map[string]any{"alg": method.Name, "kid": kid}}, map[string]any{
		"kty": "EC", "crv": curve.Params().Name, "kid": kid, "alg": method.Name, "use": "sig",
		"x": part(string(point[1 : 1+size])), "y": part(string(point[1+size:])),
	}
}

// newES256 returns the default key of the tests, which is fast to make.
func newES256(t *testing.T, kid string) (signer, map[string]any) {
	t.Helper()
	return newEC(t, kid, jwt.SigningMethodES256, elliptic.P256())
}

func newRSA(t *testing.T, kid string, bits int) (signer, map[string]any) {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return signer{jwt.SigningMethodRS256, private, map[string]any{"alg": "RS256", "kid": kid}}, map[string]any{
		"kty": "RSA", "kid": kid, "use": "sig",
		"n": part(string(private.N.Bytes())), "e": part(string(big.NewInt(int64(private.E)).Bytes())),
	}
}

func newEd25519(t *testing.T, kid string) (signer, map[string]any) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer{jwt.SigningMethodEdDSA, private, map[string]any{"alg": "EdDSA", "kid": kid}}, map[string]any{
		"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": part(string(public)),
	}
}

var curves = []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()}

func asn1Pair(r, s *big.Int) string {
	text, _ := asn1.Marshal(struct{ R, S *big.Int }{r, s})
	return string(text)
}

// kinds returns a key of every kind and a signer for every algorithm; published[i] is signers[i]'s key.
func kinds(t *testing.T) (signers []signer, published []map[string]any) {
	t.Helper()
	add := func(s signer, jwk map[string]any) {
		signers, published = append(signers, s), append(published, jwk)
	}
	for i, method := range []*jwt.SigningMethodECDSA{jwt.SigningMethodES256, jwt.SigningMethodES384, jwt.SigningMethodES512} {
		add(newEC(t, method.Name, method, curves[i]))
	}
	add(newEd25519(t, "EdDSA"))
	s, jwk := newRSA(t, "RSA", 2048)
	for _, method := range []jwt.SigningMethod{
		jwt.SigningMethodRS256, jwt.SigningMethodRS384, jwt.SigningMethodRS512,
		jwt.SigningMethodPS256, jwt.SigningMethodPS384, jwt.SigningMethodPS512,
	} {
		add(signer{method, s.key, map[string]any{"alg": method.Alg()}}, jwk)
	}
	return signers, published
}
