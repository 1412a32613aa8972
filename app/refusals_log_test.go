package app

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// TestRefusalsAreTold: what the log says of clients that are refused, once a minute for each reason, and never their tokens. It is asked
// through a proxy that nobody trusts.
func TestRefusalsAreTold(t *testing.T) {
	t.Parallel()
	i := start(t, append(withTokens(), "DATABASE_URL=sqlite::memory:", "MUTATION_RATE=1", "MUTATION_BURST=1")...)
	ask := func(token, document string) {
		body := strings.NewReader(`{"query":"` + document + `"}`)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, i.url+"/graphql", body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Forwarded-For", "203.0.113.7")
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
	}
	sign := func(audience, secret string, lifetime time.Duration) string {
		signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
			"iss": "test", "aud": audience, "sub": "ann", "exp": time.Now().Add(lifetime).Unix(),
		}).SignedString([]byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	good := sign("studychat", testSecret, time.Hour)
	refused := map[string]string{
		"audience": sign("elsewhere", testSecret, time.Hour), "expired": sign("studychat", testSecret, -time.Hour),
		"signature": sign("studychat", strings.ToUpper(testSecret), time.Hour), "missing": "",
	}
	for range 3 {
		for _, token := range refused {
			ask(token, "{ __typename }")
		}
		ask(good, `mutation { createChat(input: {title: \"x\"}) { chat { id } } }`)
	}
	log := i.logs.text()
	for _, want := range []string{
		`"reason":"audience","setting":"JWT_AUDIENCE"`, `"reason":"expired"`, `"reason":"signature","setting":"JWT_SECRET or JWKS_URL"`, `"reason":"missing"`,
		`"reason":"rate_limit","setting":"MUTATION_RATE or ADDRESS_MUTATION_RATE"`, `"setting":"TRUSTED_PROXIES"`,
	} {
		if n := strings.Count(log, want); n != 1 {
			t.Errorf("%d lines with %s", n, want)
		}
	}
	for _, token := range append([]string{good}, refused["audience"], refused["expired"], refused["signature"]) {
		if strings.Contains(log, token) {
			t.Error("the log holds a token")
		}
	}
	trusting := start(t, "DATABASE_URL=sqlite::memory:", "TRUSTED_PROXIES=127.0.0.1")
	i.url = trusting.url
	ask("", "{ __typename }")
	if log := trusting.logs.text(); strings.Contains(log, "TRUSTED_PROXIES") {
		t.Errorf("a trusted proxy is told of: %s", log)
	}
}
