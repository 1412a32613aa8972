package auth_test

import (
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"studychat/auth"
)

// TestReason: a refused token is counted by what is wrong with it.
func TestReason(t *testing.T) {
	t.Parallel()
	secret, now := "a secret of at least thirty-two bytes", time.Now()
	verifier, err := auth.NewJWT(t.Context(), auth.JWTConfig{Secret: secret, Issuer: "me", Audience: "studychat"})
	if err != nil {
		t.Fatal(err)
	}
	defer verifier.Stop()
	sign := func(with string, changes jwt.MapClaims) string {
		claims := jwt.MapClaims{"iss": "me", "aud": "studychat", "sub": "ann", "exp": now.Add(time.Hour).Unix()}
		for name, value := range changes {
			claims[name] = value
		}
		token, _ := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(with))
		return "Bearer " + token
	}
	for authorization, want := range map[string]string{
		"":                      "missing",
		"Basic YW5uOm5vdGhpbmc": "scheme",
		"Bearer nonsense":       "malformed",
		sign(secret, jwt.MapClaims{"iss": "you"}):                      "issuer",
		sign(secret, jwt.MapClaims{"aud": "other"}):                    "audience",
		sign(secret, jwt.MapClaims{"aud": "other", "exp": 1}):          "audience", // the setting, rather than the client
		sign(secret, jwt.MapClaims{"exp": now.Add(-time.Hour).Unix()}): "expired",
		sign(secret, jwt.MapClaims{"nbf": now.Add(time.Hour).Unix()}):  "not_yet_valid",
		sign(secret, jwt.MapClaims{"iat": now.Add(time.Hour).Unix()}):  "not_yet_valid",
		sign("another secret of thirty-two bytes", nil):                "signature",
		sign(secret, jwt.MapClaims{"sub": ""}):                         "subject",
	} {
		identity := auth.Identify(t.Context(), verifier, authorization)
		if got := auth.Reason(identity.Err); identity.Err == nil || got != want {
			t.Errorf("%.60q: %s, not %s (%v)", authorization, got, want, identity.Err)
		}
	}
}
