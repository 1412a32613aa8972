package config

import (
	"strings"
	"testing"
)

// TestNamesThePart checks that an unusable URL, origin or network is reported with its wrong part, and never with a
// password.
func TestNamesThePart(t *testing.T) {
	t.Parallel()
	auth := []string{"JWT_ISSUER=me", "JWT_AUDIENCE=studychat"}
	for _, c := range []struct{ setting, says string }{
		{"DATABASE_URL=postgres://u:SECRET@SECRET/w@h:5432/d", "DATABASE_URL: the database URL has a second @"},
		{"DATABASE_URL=postgres://u:SECRET@h/d?sslmode=bogus", "sslmode in the database URL must be one of"},
		{"JWKS_URL=issuer.example/keys", "the scheme is missing"},
		{"JWKS_URL=https:///keys", "the host is missing"},
		{"JWKS_URL=http://issuer.example/keys", "the scheme is http"},
		{"JWKS_URL=ftp://issuer.example/keys", "the scheme is neither"},
		{"JWKS_URL=https://issuer.example:SECRET/keys", "the port must be a number"},
		{"JWKS_URL=https://u:SECRET/SECRET@issuer.example/keys", "the port must be a number"},
		{"JWKS_URL=https://u:SECRET%zz@issuer.example/keys", "write % itself as %25"},
		{"JWKS_URL=https://u:SECRET[@issuer.example/keys", "must be percent-encoded"},
		{"JWKS_URL=https://SECRET\\issuer.example/keys", "the host contains"},
		{"JWKS_URL=https://issuer.example/SECRET\x7f", "control character"},
		{"JWKS_URL=https://[::1/keys", "the host"},
		{"ALLOWED_ORIGINS=https://user:SECRET%zz@app.example", "or a password"},
		{"ALLOWED_ORIGINS=*", "list each one"},
		{"ALLOWED_ORIGINS=app.example", "the scheme or the host is missing"},
		{"ALLOWED_ORIGINS=https://app.example/", "not even a slash"},
		{"ALLOWED_ORIGINS=https://app.example?x", "nothing may follow"},
		{"ALLOWED_ORIGINS=HTTPS://app.example", "in lower case"},
		{"ALLOWED_ORIGINS=https://app.example:port", "the port must be a number"},
		{"TRUSTED_PROXIES=10.0.0.0/33", `"33" after the slash: it must be a number from 0 to 32`},
		{"TRUSTED_PROXIES=fd00::/x", "from 0 to 128"},
		{"TRUSTED_PROXIES=10.0.0.1:443", "has a port"},
		{"TRUSTED_PROXIES=proxy.example", "names are not looked up"},
		{"TRUSTED_PROXIES=http://u:SECRET@proxy", "an entry is not an address"},
	} {
		environ := []string{c.setting}
		if strings.HasPrefix(c.setting, "JWKS_URL") {
			environ = append(environ, auth...)
		}
		_, err := Read(environ)
		name, _, _ := strings.Cut(c.setting, "=")
		if err == nil || !strings.HasPrefix(strings.TrimPrefix(err.Error(), "\n"), name) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: got %v, want %q", c.setting, err, c.says)
		}
	}
}
