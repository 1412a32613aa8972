package transport

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"studychat/auth"
	"studychat/db/sqlstore"
	"studychat/graph"
	"studychat/rate"
)

const benchSecret = "a secret of at least thirty-two bytes"

// smallRequest is the smallest request that passes through everything: with a token, by POST.
func smallRequest(tb testing.TB, ctx context.Context, url string) *http.Request {
	tb.Helper()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": "bench", "aud": "studychat", "sub": "ann", "name": "Ann Example", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}).SignedString([]byte(benchSecret))
	if err != nil {
		tb.Fatal(err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader([]byte(`{"query":"{ __typename }"}`)))
	if err != nil {
		tb.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	r.RemoteAddr = "192.0.2.1:1234"
	return r
}

// newBenchTransport is the edge with tokens and limits, as in production, over SQLite in memory.
func newBenchTransport(tb testing.TB) *Transport {
	tb.Helper()
	log := slog.New(slog.DiscardHandler)
	store, err := sqlstore.Open(tb.Context(), "sqlite::memory:", sqlstore.OpenOptions{Log: log})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = store.Close() })
	if _, err := store.MigrateUp(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	verifier, err := auth.NewJWT(tb.Context(), auth.JWTConfig{Secret: benchSecret, Issuer: "bench", Audience: "studychat"})
	if err != nil {
		tb.Fatal(err)
	}
	limits := graph.Options{Limiter: rate.NewMemory(), PerUser: rate.Limit{PerSecond: 20, Burst: 100}, PerAddress: rate.Limit{PerSecond: 200, Burst: 1000}}
	return New(Options{
		Executor: graph.NewExecutor(&graph.Resolver{Repo: store, Log: log}, limits),
		Verifier: verifier, PerUser: 20, PerAddress: 1000, Pages: http.NotFoundHandler(), Log: log,
		Ready: func(context.Context) Readiness { return Readiness{Ready: true} },
	})
}

// nowhere is a response that nobody reads.
type nowhere struct {
	header http.Header
	status int
	bytes  int
}

func (n *nowhere) Header() http.Header                { return n.header }
func (n *nowhere) WriteHeader(status int)             { n.status = status }
func (n *nowhere) Write(b []byte) (int, error)        { n.bytes += len(b); return len(b), nil }
func (n *nowhere) SetReadDeadline(_ time.Time) error  { return nil }
func (n *nowhere) SetWriteDeadline(_ time.Time) error { return nil }

// floor does what any server has to: it reads the body and writes an answer.
var floor = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"data":{"__typename":"Query"}}`))
})

// BenchmarkSmallRequest is the whole way of the smallest request through the handlers, without net/http below them.
func BenchmarkSmallRequest(b *testing.B) {
	w := newBenchTransport(b)
	for name, handler := range map[string]http.Handler{"server": w, "floor": floor} {
		b.Run(name, func(b *testing.B) {
			r := smallRequest(b, b.Context(), "http://127.0.0.1/graphql")
			answer := &nowhere{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(answer.header)
				r.Body, _ = r.GetBody()
				handler.ServeHTTP(answer, r)
			}
			if answer.status != 0 && answer.status != http.StatusOK {
				b.Fatal(answer.status)
			}
		})
	}
}

// BenchmarkSmallRequestOverLoopback is the same through net/http and the kernel, client included.
func BenchmarkSmallRequestOverLoopback(b *testing.B) {
	w := newBenchTransport(b)
	for name, server := range map[string]*http.Server{"server": w.Server(), "floor": {Handler: floor, ReadHeaderTimeout: time.Second}} {
		b.Run(name, func(b *testing.B) {
			listener, err := new(net.ListenConfig).Listen(b.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			go func() { _ = server.Serve(listener) }()
			defer func() { _ = server.Close() }()
			r := smallRequest(b, b.Context(), "http://"+listener.Addr().String()+"/graphql")
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			b.ReportAllocs()
			for b.Loop() {
				r.Body, _ = r.GetBody()
				response, err := client.Do(r)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
			}
		})
	}
}

// TestSmallRequestAllocates bounds what the handlers allocate for the smallest request with a token: each allocation costs more
// than finding the viewer or the document.
func TestSmallRequestAllocates(t *testing.T) { //nolint:paralleltest // it counts what the whole process allocates
	handler, r := newBenchTransport(t), smallRequest(t, t.Context(), "http://127.0.0.1/graphql")
	answer := &nowhere{header: http.Header{}}
	n := testing.AllocsPerRun(200, func() {
		clear(answer.header)
		r.Body, _ = r.GetBody()
		handler.ServeHTTP(answer, r)
	})
	if answer.status != http.StatusOK || n > 24 && !raced {
		t.Errorf("status %d, %v allocations", answer.status, n)
	}
}
