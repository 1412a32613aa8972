package auth_test

import (
	"net/http/httptest"
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

// with returns good claims with one changed; nil removes it.
func with(claim string, value any) jwt.MapClaims {
	c := good()
	if value == nil {
		delete(c, claim)
		return c
	}
	c[claim] = value
	return c
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
	viewer, err := v.Verify(t.Context(), hs256().claims(t, claims))
	if err != nil {
		t.Fatal(err)
	}
	if viewer.ID != "ann" || !viewer.HasScope("assistant") || viewer.HasScope("admin") {
		t.Errorf("viewer %+v", viewer)
	}
	if viewer.Expires.Unix() != claims["exp"] {
		t.Errorf("expires %v", viewer.Expires)
	}
}

// TestJWTInItsLeeway checks that a user admitted with a token that expired ten seconds ago is not disconnected at once.
func TestJWTInItsLeeway(t *testing.T) {
	t.Parallel()
	exp := time.Now().Add(-10 * time.Second).Unix()
	viewer, err := newHS256(t).Verify(t.Context(), hs256().claims(t, with("exp", exp)))
	if err != nil || viewer.Expires.Unix() != exp+30 {
		t.Errorf("expires %v, %v", viewer.Expires, err)
	}
}

func TestAuthenticateReadsTheHeader(t *testing.T) {
	t.Parallel()
	v := newHS256(t)
	token := hs256().good(t)
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

// TestJWKSOverTheNetwork fetches from a real server. All other tests of fetching use virtual time.
func TestJWKSOverTheNetwork(t *testing.T) {
	t.Parallel()
	key, jwk := newES256(t, "k1")
	server := httptest.NewServer(serving(jwk))
	t.Cleanup(server.Close)
	v, err := auth.NewJWT(t.Context(), auth.JWTConfig{JWKSURL: server.URL, Issuer: issuer, Audience: audience})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Stop()
	if viewer, err := v.Verify(t.Context(), key.good(t)); err != nil || viewer.ID != "ann" {
		t.Errorf("good token: %+v, %v", viewer, err)
	}
	other, _ := newES256(t, "k2")
	if _, err := v.Verify(t.Context(), other.good(t)); db.CodeOf(err) != db.CodeUnauthenticated {
		t.Errorf("unknown key: %v", err)
	}
}

// TestJWKSNobodyThere checks that the server starts without its provider and answers UNAVAILABLE to a good token.
func TestJWKSNobodyThere(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(nil)
	server.Close()
	v, err := auth.NewJWT(t.Context(), auth.JWTConfig{JWKSURL: server.URL, Issuer: issuer, Audience: audience})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Stop()
	key, _ := newES256(t, "k1")
	if _, err := v.Verify(t.Context(), key.good(t)); db.CodeOf(err) != db.CodeUnavailable {
		t.Errorf("good token: %v", err)
	}
}

// TestNewJWTRefusesHalfASetup checks the last line of defense. Package config reports the same mistakes in the user's
// terms.
func TestNewJWTRefusesHalfASetup(t *testing.T) {
	t.Parallel()
	for reason, config := range map[string]auth.JWTConfig{
		"no keys at all":         {Issuer: issuer, Audience: audience},
		"a secret beside a JWKS": {Secret: secret, JWKSURL: "https://provider.example", Issuer: issuer, Audience: audience},
		"a short secret":         {Secret: secret[:auth.MinSecret-1], Issuer: issuer, Audience: audience},
		"any issuer":             {Secret: secret, Audience: audience},
		"any audience":           {Secret: secret, Issuer: issuer},
	} {
		if _, err := auth.NewJWT(t.Context(), config); err == nil {
			t.Errorf("%s is taken", reason)
		}
	}
	if _, err := auth.NewJWT(t.Context(), auth.JWTConfig{Secret: secret[:auth.MinSecret], Issuer: issuer, Audience: audience}); err != nil {
		t.Errorf("a secret just long enough: %v", err)
	}
}
