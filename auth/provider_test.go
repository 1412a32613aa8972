package auth_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"studychat/auth"
)

// provider is an identity provider: a real HTTP server over pipes, so that it works in a bubble of virtual time.
type provider struct {
	conns chan net.Conn
	quit  chan struct{}

	mu      sync.Mutex
	answer  http.HandlerFunc // nil: connections are refused
	fetches []time.Time      // of every attempt
}

var errRefused = errors.New("connection refused")

// startProvider serves answer until the test ends. Call it within the bubble; the returned function stops it.
func startProvider(t *testing.T, answer http.HandlerFunc) (p *provider, stop func()) {
	t.Helper()
	p = &provider{conns: make(chan net.Conn), quit: make(chan struct{}), answer: answer}
	server := &http.Server{
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          slog.NewLogLogger(slog.NewTextHandler(t.Output(), nil), slog.LevelInfo),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			p.current()(w, r)
		}),
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(p)
	}()
	return p, func() {
		_ = server.Close()
		<-served
	}
}

func (p *provider) current() http.HandlerFunc {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.answer
}

// become changes the provider's answer.
func (p *provider) become(answer http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

func (p *provider) times() []time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]time.Time(nil), p.fetches...)
}

// Accept, Close and Addr make it a net.Listener.
func (p *provider) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.quit:
		return nil, net.ErrClosed
	}
}

func (p *provider) Close() error {
	close(p.quit)
	return nil
}

func (*provider) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// verifier returns a verifier that fetches its keys from the provider.
func (p *provider) verifier(t *testing.T) *auth.JWT {
	t.Helper()
	v, err := auth.NewJWT(t.Context(), auth.JWTConfig{
		JWKSURL: "http://provider.example/keys?secret=of-the-url", Issuer: issuer, Audience: audience, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}.Over(&http.Transport{DialContext: p.dial, DisableKeepAlives: true}))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (p *provider) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	p.mu.Lock()
	down := p.answer == nil
	p.fetches = append(p.fetches, time.Now())
	p.mu.Unlock()
	if down {
		return nil, errRefused
	}
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// serving returns a handler that answers with a key set.
func serving(keys ...map[string]any) http.HandlerFunc {
	body, _ := json.Marshal(map[string]any{"keys": keys})
	return saying(http.StatusOK, string(body))
}

func saying(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// signer makes tokens with one key.
type signer struct {
	method jwt.SigningMethod
	key    any
	header map[string]any
}

func hs256() signer {
	return signer{jwt.SigningMethodHS256, []byte(secret), map[string]any{"alg": "HS256", "typ": "JWT"}}
}

// token signs the payload unchanged; header replaces members of the signer's header, and nil removes one.
func (s signer) token(t testing.TB, payload string, header map[string]any) string {
	t.Helper()
	all := map[string]any{}
	for _, members := range []map[string]any{s.header, header} {
		for name, value := range members {
			all[name] = value
			if value == nil {
				delete(all, name)
			}
		}
	}
	text, _ := json.Marshal(all)
	signed := part(string(text)) + "." + part(payload)
	signature, err := s.method.Sign(signed, s.key)
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + part(string(signature))
}

// good returns a token that passes.
func (s signer) good(t testing.TB) string { return s.claims(t, good()) }

func (s signer) claims(t testing.TB, claims jwt.MapClaims) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return s.token(t, string(payload), nil)
}

func part(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
