package config

import (
	"strings"
	"testing"

	"studychat/test/services"
)

// TestHTTPDocumentsAndLimits checks that mistakes in origins, proxies, TLS, documents and limits are reported by name,
// and never with a password.
func TestHTTPDocumentsAndLimits(t *testing.T) {
	t.Parallel()
	cert, key, _ := services.Certificate(t)
	_, otherKey, _ := services.Certificate(t)
	manifest := "../graph/persisted/testdata/apollo/persisted-query-manifest.json"
	for _, c := range []struct {
		reason  string
		environ []string
		says    string // "": accepted
	}{
		{"origins", []string{"ALLOWED_ORIGINS=https://app.example,http://localhost:3000"}, ""},
		{"an origin with a path", []string{"ALLOWED_ORIGINS=https://app.example/"}, "ALLOWED_ORIGINS: "},
		{"an origin with the default port, which browsers omit", []string{"ALLOWED_ORIGINS=https://app.example:443"}, "leave :443 out"},
		{"the same with http", []string{"ALLOWED_ORIGINS=http://app.example:80"}, "leave :80 out"},
		{"an origin with a password", []string{"ALLOWED_ORIGINS=https://user:SECRET@app.example"}, "or a password"},
		{"proxies", []string{"TRUSTED_PROXIES=10.0.0.0/8,192.0.2.1,fd00::/8"}, ""},
		{"a proxy by name", []string{"TRUSTED_PROXIES=proxy.example"}, "TRUSTED_PROXIES: "},
		{"TLS", []string{"TLS_CERT=" + cert, "TLS_KEY=" + key}, ""},
		{"half of TLS", []string{"TLS_CERT=" + cert}, "TLS_CERT and TLS_KEY"},
		{"another's key", []string{"TLS_CERT=" + cert, "TLS_KEY=" + otherKey}, "TLS_CERT, TLS_KEY: "},
		{"a missing certificate", []string{"TLS_CERT=nowhere.pem", "TLS_KEY=" + key}, "TLS_CERT, TLS_KEY: "},
		{"introspection", []string{"INTROSPECTION=off"}, ""},
		{"an unknown value for introspection", []string{"INTROSPECTION=yes"}, "INTROSPECTION must be"},
		{"an unknown value for documents", []string{"TRUSTED_DOCUMENTS=yes"}, "TRUSTED_DOCUMENTS must be"},
		{"no manifest", []string{"TRUSTED_DOCUMENTS=enforce"}, "DOCUMENT_MANIFEST is required"},
		{"a manifest without trusted documents", []string{"DOCUMENT_MANIFEST=" + manifest}, "TRUSTED_DOCUMENTS is off"},
		{"a missing manifest", []string{"TRUSTED_DOCUMENTS=log", "DOCUMENT_MANIFEST=nowhere.json"}, "DOCUMENT_MANIFEST: "},
		{"a file that is not a manifest", []string{"TRUSTED_DOCUMENTS=log", "DOCUMENT_MANIFEST=../go.mod"}, "DOCUMENT_MANIFEST: "},
		{"limits", []string{"CONNECTIONS_PER_USER=0", "MUTATION_RATE=0", "MUTATION_BURST=0"}, ""},
		{"a limit below zero", []string{"CONNECTIONS_PER_ADDRESS=-1"}, "CONNECTIONS_PER_ADDRESS must be"},
		{"a limit of all connections", []string{"MAX_CONNECTIONS=50000"}, ""},
		{"a limit of all connections below zero", []string{"MAX_CONNECTIONS=-1"}, "MAX_CONNECTIONS must be"},
		{"a rate without a burst", []string{"MUTATION_BURST=0"}, "MUTATION_BURST must be"},
		{"a rate of an address without a burst", []string{"ADDRESS_MUTATION_BURST=0"}, "ADDRESS_MUTATION_BURST must be"},
		{"an empty secret", []string{"JWT_SECRET=", "JWT_ISSUER=me", "JWT_AUDIENCE=studychat"}, "neither JWT_SECRET nor JWKS_URL"},
	} {
		_, err := Read(c.environ)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if (c.says == "") != (err == nil) || !strings.Contains(text, c.says) || strings.Contains(text, "SECRET@") {
			t.Errorf("%s: %v", c.reason, err)
		}
	}
}

func TestIntrospection(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		environ []string
		shown   bool
	}{
		{nil, true},
		{[]string{"INTROSPECTION=off"}, false},
		{withTokens(), false},
		{append(withTokens(), "INTROSPECTION=on"), true},
	} {
		config, err := Read(c.environ)
		if err != nil || config.Introspection() != c.shown {
			t.Errorf("%v: %t, %v", c.environ, config.Introspection(), err)
		}
	}
}
