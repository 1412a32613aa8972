package sqlstore_test

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"studychat/db"
	"studychat/db/cache"
	"studychat/db/sqlstore"
	"studychat/redisconn"
	"studychat/test/services"
)

// BenchmarkSends has callers who send, as fast as they are answered, into one chat and into 10,000, of two members each. A guard marks
// in Redis. Beside it runs what a tuned pool reaches with one transaction per message, without a guard and without checks.
//
//	TEST_DATABASE_URL=… TEST_REDIS_URL=… go test -run '^$' -bench BenchmarkSends -benchtime 3s ./db/sqlstore
func BenchmarkSends(b *testing.B) {
	url := services.Postgres(b)
	store := openStore(b, url, sqlstore.OpenOptions{Guard: redisGuard(b)})
	chats := fillSpread(b, store, 10_000)
	for _, hot := range []bool{true, false} {
		for _, callers := range []int{1, 8, 128} {
			to := chats
			if hot {
				to = chats[:1]
			}
			b.Run(fmt.Sprintf("chats=%d/callers=%d/store", len(to), callers), func(b *testing.B) {
				sendFrom(b, callers, func(int) error {
					chat := to[rand.IntN(len(to))]
					_, err := store.SendMessage(b.Context(), chat.owner, db.NewMessage{ID: db.NewID(), ChatID: chat.id, Role: db.RoleUser, Content: benchText})
					return err
				})
			})
			b.Run(fmt.Sprintf("chats=%d/callers=%d/pool", len(to), callers), func(b *testing.B) {
				pool := openPool(b, url, callers)
				sendFrom(b, callers, func(int) error { chat := to[rand.IntN(len(to))]; return sendByPool(b.Context(), pool, chat) })
			})
		}
	}
}

const benchText = "lorem ipsum dolor sit amet lorem ipsum dolor sit amet lorem ipsu"

func redisGuard(b *testing.B) db.WriteGuard {
	url := cmp.Or(os.Getenv("TEST_REDIS_URL"), services.Redis(b))
	settings, err := redisconn.ParseURL(url, "")
	if err != nil {
		b.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	conn := redisconn.Open(b.Context(), settings, "bench", log)
	b.Cleanup(func() { _ = conn.Close() })
	guard := cache.NewGuard(conn.Cache, cache.GuardOptions{Log: log})
	b.Cleanup(guard.Stop)
	return guard
}

// sendFrom has callers send b.N messages together, and reports the rate and latencies.
func sendFrom(b *testing.B, callers int, send func(caller int) error) {
	var left atomic.Int64
	left.Store(int64(b.N))
	took := make([][]time.Duration, callers)
	var all sync.WaitGroup
	b.ResetTimer()
	begin := time.Now()
	for i := range callers {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				start := time.Now()
				if err := send(i); err != nil {
					b.Error(err)
					return
				}
				took[i] = append(took[i], time.Since(start))
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/time.Since(begin).Seconds(), "msg/s")
	sorted := slices.Sorted(slices.Values(slices.Concat(took...)))
	b.ReportMetric(float64(sorted[len(sorted)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(sorted[len(sorted)*99/100].Microseconds()), "p99-µs")
}

type benchChat struct{ id, owner string }

// fillSpread makes chats, each of two of 2,000 users.
func fillSpread(b *testing.B, store *sqlstore.Store, n int) []benchChat {
	b.Helper()
	for _, statement := range []string{
		`INSERT INTO chats (id, title, created_by, created_at, last_at, last_message_at, head_seq, floor_seq)
SELECT gen_random_uuid(), 'chat', 'user' || g % 1000, now(), now(), now(), 1, 0 FROM generate_series(1, ?) AS g`,
		`INSERT INTO chat_members (chat_id, user_id, role, joined_at, joined_seq) SELECT id, created_by, 'OWNER', now(), 1 FROM chats`,
		`INSERT INTO chat_members (chat_id, user_id, role, joined_at, joined_seq) SELECT id, 'other' || row_number() OVER () % 1000, 'MEMBER', now(), 1 FROM chats`,
		`VACUUM ANALYZE`,
	} {
		if _, err := store.Bun().ExecContext(b.Context(), statement, n); err != nil {
			b.Fatal(err)
		}
	}
	var rows []struct{ ID, CreatedBy string }
	if err := store.Bun().NewRaw("SELECT id, created_by FROM chats").Scan(b.Context(), &rows); err != nil {
		b.Fatal(err)
	}
	var chats []benchChat
	for _, row := range rows {
		chats = append(chats, benchChat{row.ID, row.CreatedBy})
	}
	return chats
}

func openPool(b *testing.B, url string, conns int) *pgxpool.Pool {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		b.Fatal(err)
	}
	config.MaxConns, config.MinConns = int32(conns), int32(conns)
	pool, err := pgxpool.NewWithConfig(b.Context(), config)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	return pool
}

func sendByPool(ctx context.Context, pool *pgxpool.Pool, chat benchChat) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		var seq int64
		err := tx.QueryRow(ctx, "UPDATE chats SET head_seq = head_seq + 1, last_at = now(), last_message_at = now() WHERE id = $1 RETURNING head_seq", chat.id).Scan(&seq)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "INSERT INTO messages (id, chat_id, seq, author_id, role, content, created_at) VALUES ($1, $2, $3, $4, 'USER', $5, now())",
			db.NewID(), chat.id, seq, chat.owner, benchText)
		return err
	})
}
