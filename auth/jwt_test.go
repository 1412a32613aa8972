package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"studychat/auth"
	"studychat/db"
)

const (
	secret   = "a secret of at least thirty-two bytes"
	issuer   = "https://issuer.example"
	audience = "studychat"
)

func good() jwt.MapClaims {
	return jwt.MapClaims{
		"iss": issuer, "aud": audience, "sub": "ann",
		"exp": time.Now().Add(time.Hour).Unix(), "scope": "openid assistant",
	}
}

// with returns good claims with one changed; nil takes it out.
func with(claim string, value any) jwt.MapClaims {
	c := good()
	if value == nil {
		delete(c, claim)
		return c
	}
	c[claim] = value
	return c
}

func sign(t *testing.T, method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
	t.Helper()
	token, err := jwt.NewWithClaims(method, claims).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func newHS256(t *testing.T) *auth.JWT {
	t.Helper()
	v, err := auth.NewJWT(t.Context(), auth.JWTConfig{Secret: secret, Issuer: issuer, Audience: audience})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestJWTGood(t *testing.T) {
	t.Parallel()
	v := newHS256(t)
	claims := good()
	viewer, err := v.Verify(t.Context(), sign(t, jwt.SigningMethodHS256, []byte(secret), claims))
	if err != nil {
		t.Fatal(err)
	}
	if viewer.ID != "ann" || !viewer.HasScope("assistant") || viewer.HasScope("admin") {
		t.Errorf("viewer %+v", viewer)
	}
	if viewer.Expires.Unix() != claims["exp"] {
		t.Errorf("expires %v", viewer.Expires)
	}
	late := with("exp", time.Now().Add(-10*time.Second).Unix())
	if _, err := v.Verify(t.Context(), sign(t, jwt.SigningMethodHS256, []byte(secret), late)); err != nil {
		t.Errorf("within the leeway: %v", err)
	}
}

func TestJWTRefused(t *testing.T) {
	t.Parallel()
	v := newHS256(t)
	hs := func(c jwt.MapClaims) string { return sign(t, jwt.SigningMethodHS256, []byte(secret), c) }
	tampered := func() string {
		parts := strings.Split(hs(good()), ".")
		c := maps.Clone(good())
		c["sub"] = "eve"
		body, _ := json.Marshal(c)
		parts[1] = base64.RawURLEncoding.EncodeToString(body)
		return strings.Join(parts, ".")
	}
	cases := []struct{ reason, token string }{
		{"empty", ""},
		{"garbage", "garbage"},
		{"two parts", "a.b"},
		{"another secret", sign(t, jwt.SigningMethodHS256, []byte("another secret of thirty-two bytes.."), good())},
		{"another algorithm of the same family", sign(t, jwt.SigningMethodHS512, []byte(secret), good())},
		{"unsigned", sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, good())},
		{"changed after signing", tampered()},
		{"expired", hs(with("exp", time.Now().Add(-time.Minute).Unix()))},
		{"never expires", hs(with("exp", nil))},
		{"not valid yet", hs(with("nbf", time.Now().Add(time.Minute).Unix()))},
		{"another issuer", hs(with("iss", "https://evil.example"))},
		{"no issuer", hs(with("iss", nil))},
		{"another audience", hs(with("aud", "other"))},
		{"no audience", hs(with("aud", nil))},
		{"no subject", hs(with("sub", nil))},
		{"empty subject", hs(with("sub", ""))},
		{"a subject with a control character", hs(with("sub", "a\x00b"))},
		{"a subject with white space around", hs(with("sub", " ann "))},
		{"a subject that is too long", hs(with("sub", strings.Repeat("a", 201)))},
		{"too long", hs(with("pad", strings.Repeat("a", 9000)))},
	}
	for _, c := range cases {
		_, err := v.Verify(t.Context(), c.token)
		if db.CodeOf(err) != db.CodeUnauthenticated {
			t.Errorf("%s: %v", c.reason, err)
		}
	}
}

func TestAuthenticateReadsTheHeader(t *testing.T) {
	t.Parallel()
	v := newHS256(t)
	token := sign(t, jwt.SigningMethodHS256, []byte(secret), good())
	for _, header := range []string{"Bearer " + token, "bearer " + token} {
		if _, err := auth.Authenticate(t.Context(), v, header); err != nil {
			t.Errorf("%.10s: %v", header, err)
		}
	}
	for _, header := range []string{"", token, "Basic " + token, "Bearer", "Bearer x"} {
		ctx, err := auth.Authenticate(t.Context(), v, header)
		if db.CodeOf(err) != db.CodeUnauthenticated {
			t.Errorf("%.10s: %v", header, err)
		}
		if _, again := auth.FromContext(ctx); db.CodeOf(again) != db.CodeUnauthenticated {
			t.Errorf("%.10s: the context lets in: %v", header, again)
		}
	}
}

func TestJWKS(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]any{
			"kty": "EC", "crv": "P-256", "kid": "k1", "alg": "ES256", "use": "sig",
			"x": coordinate(key.X), "y": coordinate(key.Y),
		}}})
	}))
	t.Cleanup(server.Close)
	v, err := auth.NewJWT(t.Context(), auth.JWTConfig{JWKSURL: server.URL, Issuer: issuer, Audience: audience})
	if err != nil {
		t.Fatal(err)
	}
	signed := func(kid string, method jwt.SigningMethod, key any) string {
		token := jwt.NewWithClaims(method, good())
		token.Header["kid"] = kid
		s, err := token.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if viewer, err := v.Verify(t.Context(), signed("k1", jwt.SigningMethodES256, key)); err != nil || viewer.ID != "ann" {
		t.Errorf("good token: %+v, %v", viewer, err)
	}
	public := elliptic.MarshalCompressed(elliptic.P256(), key.X, key.Y)
	for reason, token := range map[string]string{
		"unknown key":                signed("k2", jwt.SigningMethodES256, key),
		"the public key as a secret": signed("k1", jwt.SigningMethodHS256, public),
	} {
		if _, err := v.Verify(t.Context(), token); db.CodeOf(err) != db.CodeUnauthenticated {
			t.Errorf("%s: %v", reason, err)
		}
	}
}

func coordinate(n *big.Int) string {
	return base64.RawURLEncoding.EncodeToString(n.FillBytes(make([]byte, 32)))
}
