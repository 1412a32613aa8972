// Command floor is what the machine can do at best: net/http with a fixed answer, with one GET from Redis, with one page from PostgreSQL,
// and a broadcast that writes each event once to each connection. It has no GraphQL, no tokens and no limits.
package main

import (
	"context"
	"flag"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
)

const (
	values    = 1000
	valueSize = 4096 // bytes: about an answer with 20 messages
)

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "where to listen")
	cache := flag.String("redis", "", "URL of Redis")
	dsn := flag.String("dsn", "", "URL of PostgreSQL, which holds the chats of package data")
	flag.Parse()
	if err := run(*addr, *cache, *dsn); err != nil {
		slog.Error("ended", "error", err)
		os.Exit(1)
	}
}

func run(addr, cache, dsn string) error {
	ctx := context.Background()
	options, err := redis.ParseURL(cache)
	if err != nil {
		return err
	}
	options.PoolSize = 16
	client := redis.NewClient(options)
	for n := range values {
		if err := client.Set(ctx, key(n), `{"data":"`+strings.Repeat("a", valueSize-11)+`"}`, 0).Err(); err != nil {
			return err
		}
	}
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		return err
	}
	http.HandleFunc("POST /typename", answer(func(context.Context) ([]byte, error) { return []byte(`{"data":{"__typename":"Query"}}`), nil }))
	http.HandleFunc("POST /redis", answer(func(ctx context.Context) ([]byte, error) { return client.Get(ctx, key(rand.IntN(values))).Bytes() })) //nolint:gosec // which value it is may be guessed
	http.HandleFunc("POST /postgres", answer(func(ctx context.Context) ([]byte, error) { return page(ctx, pool) }))
	hub := newBroadcast()
	http.HandleFunc("GET /ws", hub.accept)
	http.HandleFunc("POST /publish", hub.publish)
	return (&http.Server{Addr: addr, ReadHeaderTimeout: time.Minute}).ListenAndServe()
}

func key(n int) string { return "floor:" + strconv.Itoa(n) }

// answer reads the body, drops it, and writes what get returns.
func answer(get func(context.Context) ([]byte, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		body, err := get(r.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header()["Content-Type"] = []string{"application/json"}
		w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
		w.Write(body)
	}
}
