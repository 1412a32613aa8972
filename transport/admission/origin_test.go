package admission

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestOriginsAdmit(t *testing.T) {
	t.Parallel()
	o := NewOrigins([]string{"https://app.example"}, NewWarnings(slog.New(slog.DiscardHandler), new(Counts)), http.NotFound)
	for _, c := range []struct {
		reason, origin, site string
		admitted             bool
	}{
		{"a program that is no browser", "", "", true},
		{"our own page", "http://chat.example", "", true},
		{"our own page's EventSource", "", "same-origin", true},
		{"a person who types the address", "", "none", true},
		{"a page that will not read the answer", "", "cross-site", false},
		{"a sub-domain's page that will not read the answer", "", "same-site", false},
		{"our own page, in other letters", "http://CHAT.example", "", true},
		{"a listed page", "https://app.example", "cross-site", true},
		{"a listed host by another scheme", "http://app.example", "", false},
		{"a listed host at another port", "https://app.example:444", "", false},
		{"a host that begins like a listed one", "https://app.example.evil.example", "", false},
		{"a sub-domain", "https://x.app.example", "", false},
		{"another page", "https://evil.example", "", false},
		{"a sandboxed page", "null", "", false},
		{"garbage", "::::", "", false},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://chat.example/graphql", http.NoBody)
		r.Header.Set("Origin", c.origin)
		r.Header.Set("Sec-Fetch-Site", c.site)
		if got := o.Admits(r); got != c.admitted {
			t.Errorf("%s: %t", c.reason, got)
		}
	}
}

func TestLocalNames(t *testing.T) {
	t.Parallel()
	for host, local := range map[string]bool{
		"localhost": true, "localhost:8080": true, "LocalHost:1": true, "127.0.0.1:8080": true, "127.8.8.8": true, "[::1]:8080": true, "[::1]": true,
		"": false, "attacker.example": false, "attacker.example:8080": false, "localhost.attacker.example": false, "192.0.2.1:8080": false, "[::]:80": false,
	} {
		if LocalName(host) != local {
			t.Errorf("%q counts as local: %t", host, !local)
		}
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	passed := false
	handler := NewOrigins([]string{"https://app.example"}, NewWarnings(slog.New(slog.DiscardHandler), new(Counts)), http.NotFound).CORS(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { passed = true }))
	for _, c := range []struct {
		reason, method, origin, allowed string
		passes                          bool
	}{
		{"a listed page asks first", http.MethodOptions, "https://app.example", "https://app.example", false},
		{"another page asks first", http.MethodOptions, "https://evil.example", "", false},
		{"a listed page", http.MethodPost, "https://app.example", "https://app.example", true},
		{"another page gets no leave to read", http.MethodPost, "https://evil.example", "", true},
		{"no page", http.MethodPost, "", "", true},
	} {
		passed = false
		w := httptest.NewRecorder()
		r := httptest.NewRequest(c.method, "/graphql", http.NoBody)
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		handler.ServeHTTP(w, r)
		if got := w.Header().Get("Access-Control-Allow-Origin"); got != c.allowed || passed != c.passes {
			t.Errorf("%s: allowed %q, passed %t", c.reason, got, passed)
		}
		if !strings.HasPrefix(w.Header().Get("Vary"), "Origin") {
			t.Errorf("%s: caches would mix origins up", c.reason)
		}
		if w.Header().Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: credentials are allowed", c.reason)
		}
	}
}
