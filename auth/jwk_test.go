package auth_test

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"studychat/auth/jwks"
)

// TestParseKeys parses a usable key and an odd one. The odd one is skipped and does not affect the other.
func TestParseKeys(t *testing.T) {
	t.Parallel()
	_, ec := newES256(t, "ec")
	_, rsa := newRSA(t, "rsa", 2048)
	_, weak := newRSA(t, "weak", 1024)
	_, ed := newEd25519(t, "ed")
	huge := part(strings.Repeat("\xff", 1025))
	for _, c := range []struct {
		reason string
		key    any
		usable bool
	}{
		{"EC", ec, true},
		{"RSA", rsa, true},
		{"Ed25519", ed, true},
		{"without use and alg", changed(ec, map[string]any{"use": nil, "alg": nil}), true},
		{"without a name", changed(ec, map[string]any{"kid": nil}), true},
		{"for verifying", changed(ec, map[string]any{"key_ops": []string{"verify"}}), true},
		{"padded", changed(ec, map[string]any{"x": ec["x"].(string) + "=", "y": ec["y"].(string) + "="}), true},
		{"unknown members", changed(ec, map[string]any{"x5c": []string{"?"}, "x5u": "?", "new": 1}), true},
		{"one algorithm of several", changed(rsa, map[string]any{"alg": "PS512"}), true},

		{"for encryption", changed(ec, map[string]any{"use": "enc"}), false},
		{"for deriving", changed(ec, map[string]any{"key_ops": []string{"deriveKey"}}), false},
		{"for nothing", changed(ec, map[string]any{"key_ops": []string{}}), false},
		{"an algorithm for encryption", changed(rsa, map[string]any{"alg": "RSA-OAEP"}), false},
		{"an algorithm of another kind", changed(ec, map[string]any{"alg": "RS256"}), false},
		{"an algorithm of another curve", changed(ec, map[string]any{"alg": "ES384"}), false},
		{"a symmetric algorithm", changed(rsa, map[string]any{"alg": "HS256"}), false},
		{"alg none", changed(rsa, map[string]any{"alg": "none"}), false},
		{"symmetric", map[string]any{"kty": "oct", "k": part(secret), "alg": "HS256"}, false},
		{"1024 bits of RSA", weak, false},
		{"8200 bits of RSA", changed(rsa, map[string]any{"n": huge}), false},
		{"no modulus", changed(rsa, map[string]any{"n": nil}), false},
		{"exponent 1", changed(rsa, map[string]any{"e": "AQ"}), false},
		{"an even exponent", changed(rsa, map[string]any{"e": "Ag"}), false},
		{"no exponent", changed(rsa, map[string]any{"e": nil}), false},
		{"a large exponent", changed(rsa, map[string]any{"e": part(string(big.NewInt(1<<31 + 1).Bytes()))}), false},
		{"a coordinate that is too long", changed(ec, map[string]any{"x": huge}), false},
		{"a coordinate that is too short", changed(ec, map[string]any{"x": "AQ"}), false},
		{"no coordinate", changed(ec, map[string]any{"y": nil}), false},
		{"not on the curve", changed(ec, map[string]any{"y": ec["x"]}), false},
		{"the point at infinity", changed(ec, map[string]any{"x": part(strings.Repeat("\x00", 32)), "y": part(strings.Repeat("\x00", 32))}), false},
		{"a curve that is not for this", changed(ec, map[string]any{"crv": "secp256k1"}), false},
		{"X25519", changed(ed, map[string]any{"crv": "X25519"}), false},
		{"a short Ed25519 key", changed(ed, map[string]any{"x": "AQ"}), false},
		{"not base64", changed(ec, map[string]any{"x": "?"}), false},
		{"a number for a name", changed(ec, map[string]any{"kid": 1}), false},
		{"an unknown kind", map[string]any{"kty": "AKP"}, false},
		{"an empty object", map[string]any{}, false},
		{"null", nil, false},
		{"a text", "k1", false},
	} {
		body, _ := json.Marshal(map[string]any{"keys": []any{c.key, ed}})
		want := 1
		if c.usable {
			want = 2
		}
		if keys, err := jwks.Parse(body); len(keys) != want || err != nil {
			t.Errorf("%s: %d keys beside it, %v", c.reason, len(keys)-1, err)
		}
		alone, _ := json.Marshal(map[string]any{"keys": []any{c.key}})
		if keys, err := jwks.Parse(alone); c.usable != (err == nil) || c.usable != (len(keys) == 1) {
			t.Errorf("%s, alone: %d keys, %v", c.reason, len(keys), err)
		}
	}
}
