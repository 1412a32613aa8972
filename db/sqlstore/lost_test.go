package sqlstore_test

import (
	"context"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/uptrace/bun"

	"studychat/db"
	"studychat/db/sqlstore"
	"studychat/test/services"
)

// lostWithin is how soon the server has to notice that an instance is lost, and to end its transactions.
const lostWithin = 15 * time.Second

// lossy is a store whose host can be lost: nothing that it sends arrives any more, and nothing is closed.
type lossy struct {
	*sqlstore.Store
	link *services.Proxy
}

func openLossy(t *testing.T, dsn string, opts sqlstore.OpenOptions) *lossy {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	link := services.NewProxy(t, u.Host)
	u.Host = link.Addr()
	return &lossy{Store: openEmpty(t, u.String(), opts), link: link}
}

// aside does something until the test ends, which gives back what was lost, so that nothing waits for it.
func (l *lossy) aside(t *testing.T, do func(ctx context.Context)) {
	ctx, cancel := context.WithCancel(t.Context())
	var doing sync.WaitGroup
	doing.Go(func() { do(ctx) })
	t.Cleanup(func() {
		cancel()
		l.link.Cut()
		l.link.Heal()
		doing.Wait()
	})
}

// TestLostWriter loses two instances that have a chat's row locked or are about to: other chats do not notice, and these are
// free in time.
func TestLostWriter(t *testing.T) {
	t.Parallel()
	dsn := postgres(t)
	store := openStore(t, dsn, sqlstore.OpenOptions{})
	chats := fill(t, store, "owner", 3)
	between, waiting, free := chats[0], chats[1], chats[2]
	loseBetweenStatements(t, dsn, between)
	loseWaiting(t, dsn, waiting, store)
	start := time.Now()
	if err := sendTo(store, free); err != nil || time.Since(start) > time.Second {
		t.Errorf("a send to another chat took %s: %v", time.Since(start), err)
	}
	outcomes := sends(t, store, 1, between, waiting)
	for range cap(outcomes) {
		if err := <-outcomes; err != nil || time.Since(start) < time.Second || time.Since(start) > lostWithin {
			t.Errorf("a send to a chat that was locked took %s: %v", time.Since(start), err)
		}
	}
}

func loseBetweenStatements(t *testing.T, dsn, chat string) {
	guard, inside := &spy{}, make(chan struct{})
	lost := openLossy(t, dsn, sqlstore.OpenOptions{Guard: guard})
	guard.onMark = func(context.Context, db.Write) {
		lost.link.Blackhole()
		close(inside)
	}
	lost.aside(t, func(ctx context.Context) { _ = sendWith(ctx, lost.Store, chat) })
	<-inside
}

// loseWaiting has the lost instance get the row that it waited for only after it was lost.
func loseWaiting(t *testing.T, dsn, chat string, observer *sqlstore.Store) {
	lost := openLossy(t, dsn, sqlstore.OpenOptions{})
	h := hold(t, dsn, chat)
	lost.aside(t, func(ctx context.Context) { _ = sendWith(ctx, lost.Store, chat) })
	eventually(t, "it waits", func() bool { return locksWaitedFor(t, observer) > 0 })
	lost.link.Blackhole()
	h.release()
	eventually(t, "it has the row", func() bool { return locksWaitedFor(t, observer) == 0 })
}

// loseAfter loses an instance after the first SELECT of its next transaction.
type loseAfter struct {
	link **services.Proxy
	done chan struct{}
}

func (loseAfter) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }

func (l loseAfter) AfterQuery(_ context.Context, event *bun.QueryEvent) {
	if *l.link != nil && event.Operation() == "SELECT" {
		(*l.link).Blackhole()
		*l.link = nil
		close(l.done)
	}
}

// TestLostReader loses an instance in the middle of a snapshot, which keeps dead rows from being removed while it lasts.
func TestLostReader(t *testing.T) {
	t.Parallel()
	dsn := postgres(t)
	store := openStore(t, dsn, sqlstore.OpenOptions{})
	fill(t, store, "owner", 1)
	hook := loseAfter{link: new(*services.Proxy), done: make(chan struct{})}
	lost := openLossy(t, dsn, sqlstore.OpenOptions{Hook: hook})
	*hook.link = lost.link
	lost.aside(t, func(ctx context.Context) { _, _ = lost.Chats(ctx, "owner", nil, db.Page{Limit: 1}) })
	<-hook.done
	idle := func() (n int) {
		err := store.Bun().NewRaw("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'").Scan(t.Context(), &n)
		if err != nil {
			t.Error(err)
		}
		return n
	}
	start := time.Now()
	if idle() != 1 {
		t.Fatal("nothing was lost, so this test proves nothing")
	}
	eventually(t, "the transaction has ended", func() bool { return idle() == 0 })
	if took := time.Since(start); took > lostWithin {
		t.Errorf("it lasted %s", took)
	}
}

// TestPausedTooLong: a write that pauses for so long that the server ends it is told so. It certainly did not happen.
func TestPausedTooLong(t *testing.T) {
	t.Parallel()
	g := openGuarded(t, postgres(t))
	observer := openEmpty(t, g.url, sqlstore.OpenOptions{})
	g.spy.onMark = func(context.Context, db.Write) {
		eventually(t, "the server has ended it", func() bool {
			var n int
			err := observer.Bun().NewRaw("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'").Scan(t.Context(), &n)
			return err == nil && n == 0
		})
	}
	if _, err := g.send(t.Context()); db.CodeOf(err) != db.CodeUnavailable {
		t.Errorf("got %v, want UNAVAILABLE", err)
	}
	g.spy.expect(t, "a write that the server has ended", rolledBack...)
	g.spy.onMark = nil
	if event, err := g.send(t.Context()); err != nil || event.Seq != 2 {
		t.Errorf("the next send: %+v, %v", event, err)
	}
}

// TestLostReaderOfLongAnswer has readers who take nothing of a long answer. A server that waits for them notices its other
// limits only sometimes, as it is busy sending.
func TestLostReaderOfLongAnswer(t *testing.T) {
	t.Parallel()
	dsn := postgres(t)
	observer := openEmpty(t, dsn, sqlstore.OpenOptions{})
	if onLinux := observer.Bun().NewRaw("SELECT 1 WHERE version() LIKE '%linux%'").Scan(t.Context(), new(int)); onLinux != nil {
		t.Skip("the server runs on a system that cannot tell")
	}
	for range 4 {
		conn, err := pgx.Connect(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.PgConn().Conn().Close() })
		if _, err := conn.Exec(t.Context(), "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"+sqlstore.ReadLimits); err != nil {
			t.Fatal(err)
		}
		conn.PgConn().Frontend().Send(&pgproto3.Query{String: "SELECT repeat('x', 1000) FROM generate_series(1, 200000)"})
		if err := conn.PgConn().Frontend().Flush(); err != nil {
			t.Fatal(err)
		}
	}
	snapshots := func() (n int) {
		err := observer.Bun().NewRaw(`SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND backend_xmin IS NOT NULL AND pid <> pg_backend_pid()`).Scan(t.Context(), &n)
		if err != nil {
			t.Error(err)
		}
		return n
	}
	eventually(t, "all are answered", func() bool { return snapshots() == 4 })
	start := time.Now()
	eventually(t, "no snapshot is left", func() bool { return snapshots() == 0 })
	if took := time.Since(start); took > lostWithin {
		t.Errorf("the snapshots lasted %s", took)
	}
}
