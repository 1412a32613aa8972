package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/jackc/pgx/v5"

	"studychat/db"
	"studychat/test/services"
)

// controls runs the usual naive implementations under the same faults and validators. Each must fail: a validator that
// accepts one is useless.
func controls(r *record) {
	r.Fault = "naive implementations, each under a fault that it does not survive"
	r.Load = "one chat of 2,000 events; the cache workload; 4 writers for 3 s"
	pubsub := controlPubSub(r)
	r.limit(pubsub.lost > 0, "plain PubSub.Channel(), Redis killed for 1 s: the validator finds %d of %d events lost", pubsub.lost, pubsub.due)
	serial := controlSerial(r)
	r.limit(serial.lost > 0, "a bigserial cursor: the validator finds %d of %d events lost", serial.lost, serial.due)
	controlCacheAside(r)
}

// controlPubSub relies on Pub/Sub alone: one event per millisecond, with Redis down for a second.
func controlPubSub(r *record) verdict {
	const chat, channel, events = "control", "control", 2000
	server := services.NewRedisServer(r)
	client := admin(r, server.Addr())
	pubsub := client.Subscribe(r.Context(), channel)
	_, err := pubsub.Receive(r.Context())
	r.must(err)
	messages := pubsub.Channel()
	var got []received
	var reading sync.WaitGroup
	reading.Go(func() {
		for m := range messages {
			seq, _ := strconv.ParseInt(m.Payload, 10, 64)
			got = append(got, received{event: event{Kind: "MessageSent", ChatID: chat, Seq: seq}, at: time.Now()})
		}
	})
	t := truth{chat: {}}
	for seq := int64(1); seq <= events; seq++ {
		switch seq {
		case events / 4:
			server.Kill()
		case events / 2:
			server.Restart()
		}
		t[chat][seq] = logged{kind: "MessageSent"}
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Millisecond)
		client.Publish(ctx, channel, seq) // the usual publisher ignores the error, too
		cancel()
		pause(time.Millisecond)
	}
	pause(500 * time.Millisecond)
	r.must(pubsub.Close())
	reading.Wait()
	return judgeStream("control", chat, 0, got, t)
}

// controlSerial polls for ids above the last one seen. A sequence assigns its number before the commit, so a
// transaction that commits after one with a higher number is skipped.
func controlSerial(r *record) verdict {
	dsn := services.Postgres(r)
	connect := func() *pgx.Conn {
		conn, err := pgx.Connect(r.Context(), dsn)
		r.must(err)
		r.Cleanup(func() { _ = conn.Close(context.Background()) })
		return conn
	}
	poller, conns := connect(), []*pgx.Conn{connect(), connect(), connect(), connect()}
	_, err := poller.Exec(r.Context(), "CREATE TABLE control (id bigserial PRIMARY KEY)")
	r.must(err)
	ctx, stop := context.WithTimeout(r.Context(), 3*time.Second)
	defer stop()
	var writing sync.WaitGroup
	for _, conn := range conns {
		writing.Go(func() {
			for ctx.Err() == nil {
				insertSlowly(r, conn)
			}
		})
	}
	var seen []int64
	for ctx.Err() == nil {
		seen = poll(r, poller, seen)
		pause(2 * time.Millisecond)
	}
	writing.Wait()
	seen = poll(r, poller, seen)
	return judgeIDs(seen, poll(r, poller, nil))
}

func insertSlowly(r *record, conn *pgx.Conn) {
	err := pgx.BeginFunc(context.Background(), conn, func(tx pgx.Tx) error {
		_, err := tx.Exec(context.Background(), "INSERT INTO control DEFAULT VALUES")
		pause(rand.N(10 * time.Millisecond))
		return err
	})
	if err != nil {
		r.Error(err)
	}
}

// poll appends the ids above the last one.
func poll(r *record, conn *pgx.Conn, seen []int64) []int64 {
	last := int64(0)
	if len(seen) > 0 {
		last = seen[len(seen)-1]
	}
	rows, err := conn.Query(context.Background(), "SELECT id FROM control WHERE id > $1 ORDER BY id", last)
	r.must(err)
	more, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	r.must(err)
	return append(seen, more...)
}

// judgeIDs numbers the existing ids consecutively and judges the observed ones as a stream.
func judgeIDs(seen, all []int64) verdict {
	const chat = "control"
	t := truth{chat: {}}
	for n := range all {
		t[chat][int64(n+1)] = logged{kind: "MessageSent"}
	}
	var got []received
	for _, id := range seen {
		n, _ := slices.BinarySearch(all, id)
		got = append(got, received{event: event{Kind: "MessageSent", ChatID: chat, Seq: int64(n + 1)}})
	}
	return judgeStream("control", chat, 0, got, t)
}

// controlCacheAside runs the workload of cache-linearizable on a cache that fills after a miss and deletes after a
// commit. Its database reads are slower than there: with 20 ms the fault showed in three operations of 2,000, and now
// and then in none.
func controlCacheAside(r *record) {
	stacks, _, _ := newStacks(r, stacking{naive: true, delay: delays{step: 8 * time.Millisecond, load: 100 * time.Millisecond}})
	w := newWorkload(r, stacks)
	w.start()
	pause(5 * time.Second)
	ops := w.done()
	stale, result := judgeReads(ops), linearizable(ops, 20*time.Second)
	r.limit(len(stale) > 0 && result == porcupine.Illegal, "cache-aside: the validators find %s, and porcupine says %s",
		fmt.Sprintf("%d of %d operations stale", len(stale), len(ops)), result)
	r.note("and %d times new and then old", newThenOld(ops))
}

var _ db.WriteGuard = naiveGuard{}
