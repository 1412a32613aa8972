package config

import (
	"strings"
	"testing"
)

// TestSignIn accepts only addresses that work and that every visitor of the page may read.
func TestSignIn(t *testing.T) {
	t.Parallel()
	const good = "https://provider.example/authorize?client_id=chat&redirect_uri={redirect}&state={state}"
	for _, c := range []struct {
		reason, address string
		tokens          bool
		mistake         string // "" means accepted
	}{
		{"a provider", good, true, ""},
		{"a provider that knows where to lead back to", "https://provider.example/?state={state}", true, ""},
		{"a provider on this machine", "http://127.0.0.1:8081/authorize?state={state}", true, ""},
		{"no provider", "", true, ""},
		{"nobody has to sign in", good, false, "SIGN_IN_URL is set, but neither JWT_SECRET nor JWKS_URL."},
		{"a token over an insecure connection", "http://provider.example/?state={state}", true, "the scheme is http, and the host is another machine"},
		{"a script", "javascript:alert('{state}')", true, "SIGN_IN_URL must be an https URL"},
		{"a path", "/sign-in?state={state}", true, "the scheme is missing"},
		{"a password that the page would show", "https://u:SECRET@provider.example/?state={state}", true, "must not have a user or a password"},
		{"a broken password", "https://u:SECRET%zz@provider.example/?state={state}", true, "write % itself as %25"},
		{"the page refuses a token without its state", "https://provider.example/authorize?redirect_uri={redirect}", true, "SIGN_IN_URL must contain {state}"},
	} {
		environ := []string{"SIGN_IN_URL=" + c.address}
		if c.tokens {
			environ = append(environ, withTokens()...)
		}
		got, err := Read(environ)
		if c.mistake == "" && (err != nil || got.Auth.SignIn != c.address) || c.mistake != "" && (err == nil || !strings.Contains(err.Error(), c.mistake)) {
			t.Errorf("%s: %q, %v, want %q", c.reason, got.Auth.SignIn, err, c.mistake)
		}
		if err != nil && strings.Contains(err.Error(), "SECRET@") {
			t.Errorf("%s: a password is shown: %v", c.reason, err)
		}
	}
}
