package auth_test

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"studychat/auth"
	"studychat/db"
)

// FuzzToken checks that only tokens signed by the test are accepted, and that a refusal is one of two sentences.
func FuzzToken(f *testing.F) {
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, good()).SignedString([]byte(secret))
	if err != nil {
		f.Fatal(err)
	}
	parts := strings.Split(token, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))
	for _, seed := range []string{"", ".", "..", token, token + ".", token + "=", token[:len(token)-1], none + "." + parts[1] + ".", parts[0] + "." + parts[1] + ".", parts[0] + ".." + parts[2], token + "\n", "\x00" + token} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		viewer, err := newHS256(t).Verify(t.Context(), text)
		if err == nil {
			if text != token {
				t.Fatalf("%q is taken as %+v", text, viewer)
			}
			return
		}
		refusedWell(t, viewer, err)
	})
}

func refusedWell(t *testing.T, viewer auth.Viewer, err error) {
	t.Helper()
	own, ok := err.(*db.Error) //nolint:errorlint // clients see the outermost error
	if !ok || own.Code != db.CodeUnauthenticated || own.Message != notValid && own.Message != expired || viewer.ID != "" {
		t.Fatalf("%+v, %v", viewer, err)
	}
}

// FuzzClaims checks that a signed token is accepted only if encoding/json, too, reads its audience, its expiry, and a
// user id that can be stored and compared unchanged.
func FuzzClaims(f *testing.F) {
	for _, seed := range []string{
		`{"iss":"https://issuer.example","aud":"studychat","sub":"ann","exp":4102444800}`,
		`{"iss":"https://issuer.example","aud":["other","studychat"],"sub":"ann","exp":4102444800.5,"nbf":0,"iat":0,"scope":"assistant"}`,
		`{"iss":"https://issuer.example","aud":"studychat","sub":"ann","exp":4102444800,"SUB":"eve"}`,
		`{"iss":"https://issuer.example","aud":"studychat","sub":"ann","sub":"eve","exp":4102444800}`,
		`{"iss":"https://issuer.example","aud":"studychat","sub":" ann","exp":4102444800}`,
		`{"iss":"https://issuer.example","aud":"studychat","sub":"\ud800","exp":4102444800}`,
		`{"iss":"https://issuer.example","aud":"studychat","sub":"ann","exp":"4102444800"}`,
		`{"iss":"https://issuer.example","aud":"studychat","sub":"ann","exp":1e300}`,
		`{"iss":null,"aud":null,"sub":null,"exp":null}`, `[]`, `null`, ``, `{`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, claims []byte) {
		viewer, err := newHS256(t).Verify(t.Context(), sign(t, claims))
		if err != nil {
			refusedWell(t, viewer, err)
			return
		}
		var plain map[string]any
		if err := json.Unmarshal(claims, &plain); err != nil {
			t.Fatalf("%q is taken, but %v", claims, err)
		}
		audiences, many := plain["aud"].([]any)
		_, dated := plain["exp"].(float64)
		if plain["iss"] != issuer || plain["sub"] != viewer.ID || !dated || plain["aud"] != audience && (!many || !slices.Contains(audiences, any(audience))) {
			t.Fatalf("%q is taken as %+v", claims, viewer)
		}
		id, errID := db.CleanName("sub", viewer.ID)
		if errID != nil || id != viewer.ID || strings.Contains(id, "\ufffd") {
			t.Fatalf("%q is taken as %q", claims, viewer.ID)
		}
		if viewer.Expires.Before(time.Now().Add(-time.Minute)) {
			t.Fatalf("%q has expired", claims)
		}
	})
}

// sign signs these bytes with the right secret.
func sign(t *testing.T, claims []byte) string {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode(claims)
	signature, err := jwt.SigningMethodHS256.Sign(text, []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + encode(signature)
}
