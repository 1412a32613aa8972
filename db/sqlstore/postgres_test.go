package sqlstore_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"studychat/db"
	"studychat/db/sqlstore"
)

// waitsForLock says whether a statement of this database waits for a row lock.
func waitsForLock(t *testing.T, pool *bun.DB) bool {
	var waiting bool
	err := pool.NewRaw(`SELECT EXISTS (SELECT 1 FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(t.Context(), &waiting)
	if err != nil {
		t.Error(err)
	}
	return waiting
}

// removeMia removes a member in a transaction that it leaves open, as another instance would for a moment.
func removeMia(t *testing.T, g *guarded) bun.Tx {
	t.Helper()
	tx, err := g.Bun().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []*bun.RawQuery{
		tx.NewRaw("UPDATE chats SET head_seq = head_seq + 1 WHERE id = ?", g.chat),
		tx.NewRaw("DELETE FROM chat_members WHERE chat_id = ? AND user_id = 'mia'", g.chat),
	} {
		if _, err := q.Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return tx
}

// TestRemovedWhileWaiting removes a member while her write waits for the row lock. One statement that locks and
// judges lets her through (the negative control); the store does not.
func TestRemovedWhileWaiting(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		through bool
		write   func(g *guarded) error
	}{
		{"in one statement", true, func(g *guarded) error {
			var seq int64
			return g.Bun().NewRaw(`UPDATE chats SET head_seq = head_seq + 1 WHERE id = ?0
AND EXISTS (SELECT 1 FROM chat_members WHERE chat_id = ?0 AND user_id = 'mia') RETURNING head_seq`, g.chat).
				Scan(context.Background(), &seq)
		}},
		{"by the store", false, func(g *guarded) error {
			message := db.NewMessage{ID: db.NewID(), ChatID: g.chat, Role: db.RoleUser, Content: "text"}
			_, err := g.SendMessage(context.Background(), "mia", message)
			return err
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			g := openGuarded(t, postgres(t))
			if _, err := g.AddMember(t.Context(), "owner", g.chat, "mia"); err != nil {
				t.Fatal(err)
			}
			removal := removeMia(t, g)
			done := make(chan error, 1)
			var write sync.WaitGroup
			write.Go(func() { done <- test.write(g) })
			eventually(t, "the write waits", func() bool { return waitsForLock(t, g.Bun()) })
			if err := removal.Commit(); err != nil {
				t.Fatal(err)
			}
			err := <-done
			write.Wait()
			if test.through && err != nil {
				t.Errorf("the naive statement found out: %v; then this test proves nothing", err)
			}
			if !test.through && db.CodeOf(err) != db.CodeNotFound {
				t.Errorf("got %v, want NOT_FOUND", err)
			}
		})
	}
}

// TestWaitForLockEnds gives up while another transaction holds the chat's row: in time, and without a trace.
func TestWaitForLockEnds(t *testing.T) {
	t.Parallel()
	g := openGuarded(t, postgres(t))
	holder := removeMia(t, g)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := g.send(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the caller's deadline", err)
	}
	if err := holder.Rollback(); err != nil {
		t.Fatal(err)
	}
	if event, err := g.send(t.Context()); err != nil || event.Seq != 2 {
		t.Errorf("the next send: %+v, %v", event, err)
	}
	g.spy.expect(t, "only the second send", committed...)
}

// TestSendIsHOT counts the updates of chats that touched no index. An index on what a send changes, the control, makes
// all of them touch it. (A snapshot that autovacuum holds at the wrong moment may cost one or two.)
func TestSendIsHOT(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, setup string
		min, max    int
	}{
		{"as migrated", "SELECT 1", 180, 200},
		{"with an index", "CREATE INDEX ON chats (last_at)", 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			g := openGuarded(t, postgres(t))
			if _, err := g.Bun().NewRaw(test.setup).Exec(t.Context()); err != nil {
				t.Fatal(err)
			}
			for range 200 {
				if _, err := g.send(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if all, hot := updatesOfChats(t, g); all != 200 || hot < test.min || hot > test.max {
				t.Errorf("%d of %d updates were HOT, want %d to %d", hot, all, test.min, test.max)
			}
		})
	}
}

func updatesOfChats(t *testing.T, g *guarded) (all, hot int) {
	t.Helper()
	reader := openEmpty(t, g.url, sqlstore.OpenOptions{})
	if err := g.Close(); err != nil { // a connection tells its statistics when it ends
		t.Fatal(err)
	}
	eventually(t, "the statistics are there", func() bool {
		err := reader.Bun().NewRaw("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'chats'").
			Scan(t.Context(), &all, &hot)
		return err == nil && all >= 200
	})
	return all, hot
}

// TestNoSessionState looks for what pgbouncer's transaction mode would mix up: prepared statements and settings that
// outlive a transaction.
func TestNoSessionState(t *testing.T) {
	t.Parallel()
	store := openStore(t, postgres(t), sqlstore.OpenOptions{MaxConns: 1})
	chats := fill(t, store, "owner", 1)
	if _, err := store.Chat(t.Context(), "owner", chats[0]); err != nil {
		t.Fatal(err)
	}
	for reason, query := range map[string]string{
		"prepared statements": "SELECT count(*) FROM pg_prepared_statements",
		"settings":            "SELECT count(*) FROM pg_settings WHERE source = 'session'",
		"advisory locks":      "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
		"listeners":           "SELECT count(*) FROM pg_listening_channels()",
	} {
		var n int
		if err := store.Bun().NewRaw(query).Scan(t.Context(), &n); err != nil || n != 0 {
			t.Errorf("%d %s, %v", n, reason, err)
		}
	}
	if _, err := store.Bun().NewRaw("SET work_mem = '8MB'").Exec(t.Context()); err != nil { // the control
		t.Fatal(err)
	}
	var n int
	if err := store.Bun().NewRaw("SELECT count(*) FROM pg_settings WHERE source = 'session'").Scan(t.Context(), &n); err != nil || n == 0 {
		t.Errorf("a session setting is not seen: %d, %v", n, err)
	}
}

// TestConnectionsCut cuts all connections: the pool makes new ones by itself.
func TestConnectionsCut(t *testing.T) {
	t.Parallel()
	g := openGuarded(t, postgres(t))
	admin := openEmpty(t, g.url, sqlstore.OpenOptions{})
	_, err := admin.Bun().NewRaw(`SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()`).Exec(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the pool has new connections", func() bool {
		_, err := g.Epoch(t.Context())
		if err != nil && db.CodeOf(err) != db.CodeUnavailable {
			t.Fatalf("meanwhile: got %v, want UNAVAILABLE", err)
		}
		return err == nil
	})
	if event, err := g.send(t.Context()); err != nil || event.Seq != 2 {
		t.Errorf("got %+v, %v", event, err)
	}
}
