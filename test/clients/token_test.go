package clients

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	secret   = "a secret of at least thirty-two bytes"
	issuer   = "test"
	audience = "studychat"
)

// sign makes a token.
func sign(user string, lifetime time.Duration) string {
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": issuer, "aud": audience, "sub": user, "exp": time.Now().Add(lifetime).Unix(),
	}).SignedString([]byte(secret))
	if err != nil {
		panic(err) // the claims above are wrong
	}
	return signed
}

// issuing is a minimal identity provider, where a client gets its tokens.
type issuing struct {
	url string

	mu    sync.Mutex
	token func() string
	asked int
}

// issue serves tokens made by the function.
func issue(t *testing.T, token func() string) *issuing {
	t.Helper()
	i := &issuing{token: token}
	provider := httptest.NewServer(i)
	t.Cleanup(provider.Close)
	i.url = provider.URL
	return i
}

// ServeHTTP answers with a token.
func (i *issuing) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asked++
	_, _ = w.Write([]byte(i.token()))
}

// change sets the function that makes tokens.
func (i *issuing) change(token func() string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.token = token
}

// count returns the number of requests for a token.
func (i *issuing) count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked
}

// lasting returns a function that makes tokens for a user that outlive the test.
func lasting(user string) func() string {
	return func() string { return sign(user, time.Hour) }
}
