// Command sends measures writes of messages without HTTP: through the server's store, or as one transaction each through a pool. It writes
// one line of JSON. It fails when the database does not hold exactly the messages that were acknowledged.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"studychat/bench/data"
)

// options are the command line.
type options struct {
	dsn     string
	through string
	chats   string
	callers int
	conns   int
	warm    time.Duration
	measure time.Duration
}

// send writes one message to the chat with the number, as its owner.
type send func(ctx context.Context, owner string, chat int) error

func main() {
	var o options
	flag.StringVar(&o.dsn, "dsn", "", "URL of PostgreSQL, which holds the chats of package data")
	flag.StringVar(&o.through, "through", "store", "store: the server's; pool: one transaction each")
	flag.StringVar(&o.chats, "chats", "hot", "hot: one chat; spread: 10,000")
	flag.IntVar(&o.callers, "callers", 128, "at the same time")
	flag.IntVar(&o.conns, "conns", 20, "connections to the database")
	flag.DurationVar(&o.warm, "warm", 500*time.Millisecond, "not measured")
	flag.DurationVar(&o.measure, "measure", 2*time.Second, "measured")
	flag.Parse()
	if err := run(context.Background(), o); err != nil {
		slog.Error("ended", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	pool, err := open(ctx, o.dsn, o.conns)
	if err != nil {
		return err
	}
	defer pool.Close()
	write := throughPool(pool)
	if o.through == "store" {
		store, err := openStore(ctx, o)
		if err != nil {
			return err
		}
		defer func() { _ = store.Close() }()
		write = throughStore(store)
	}
	before, err := messages(ctx, pool)
	if err != nil {
		return err
	}
	took, acknowledged, err := o.load(ctx, write)
	if err != nil {
		return err
	}
	after, err := messages(ctx, pool)
	if err != nil {
		return err
	}
	if after-before != acknowledged || len(took) == 0 {
		return fmt.Errorf("%d messages were acknowledged, and the database has %d more", acknowledged, after-before)
	}
	slices.Sort(took)
	at := func(p int) float64 { return took[(len(took)-1)*p/100].Seconds() * 1000 }
	return json.NewEncoder(os.Stdout).Encode(map[string]float64{
		"rate": float64(len(took)) / o.measure.Seconds(), "p50_ms": at(50), "p99_ms": at(99),
	})
}

// load runs the callers, each with one write under way. It returns how long the measured writes took, and how many there were in all.
func (o options) load(ctx context.Context, write send) (took []time.Duration, acknowledged int64, err error) {
	begin := time.Now().Add(o.warm)
	end := begin.Add(o.measure)
	var mu sync.Mutex
	var all sync.WaitGroup
	for caller := range o.callers {
		all.Go(func() {
			mine, n, failed := o.caller(ctx, caller, write, begin, end)
			mu.Lock()
			defer mu.Unlock()
			took, acknowledged, err = append(took, mine...), acknowledged+n, errors.Join(err, failed)
		})
	}
	all.Wait()
	return took, acknowledged, err
}

func (o options) caller(ctx context.Context, caller int, write send, begin, end time.Time) (took []time.Duration, n int64, err error) {
	for time.Now().Before(end) {
		owner, chat := data.HotMember(caller), data.HotChat
		if o.chats == "spread" {
			number := rand.IntN(data.SpreadChats) //nolint:gosec // which chat it is may be guessed
			owner, chat = data.Sender(number), data.FirstSpread+number
		}
		started := time.Now()
		if err := write(ctx, owner, chat); err != nil {
			return nil, 0, err
		}
		n++
		if ended := time.Now(); ended.After(begin) && ended.Before(end) {
			took = append(took, ended.Sub(started))
		}
	}
	return took, n, nil
}

func messages(ctx context.Context, pool *pgxpool.Pool) (n int64, err error) {
	err = pool.QueryRow(ctx, "SELECT count(*) FROM messages").Scan(&n)
	return n, err
}
