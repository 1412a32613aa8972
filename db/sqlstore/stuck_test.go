package sqlstore_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"studychat/db"
	"studychat/db/sqlstore"
)

// holder is somebody else who holds rows of chats locked, for as long as they like.
type holder struct {
	t    *testing.T
	conn *pgx.Conn
}

func hold(t *testing.T, url string, chats ...string) *holder {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	h := &holder{t: t, conn: conn}
	t.Cleanup(h.release)
	for _, statement := range []string{"BEGIN", "SELECT 1 FROM chats WHERE id = ANY ($1) FOR UPDATE"} {
		args := []any{chats}
		if statement == "BEGIN" {
			args = nil
		}
		if _, err := conn.Exec(t.Context(), statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func (h *holder) release() {
	if err := h.conn.Close(context.Background()); err != nil {
		h.t.Error(err)
	}
}

// sends has n writers send a message each to every one of the chats, and returns their outcomes.
func sends(t *testing.T, store *sqlstore.Store, n int, chats ...string) (outcomes <-chan error) {
	done := make(chan error, n*len(chats))
	var writers sync.WaitGroup
	for _, chat := range chats {
		for range n {
			writers.Go(func() { done <- sendTo(store, chat) })
		}
	}
	t.Cleanup(writers.Wait)
	return done
}

func sendTo(store *sqlstore.Store, chat string) error {
	return sendWith(context.Background(), store, chat)
}

func sendWith(ctx context.Context, store *sqlstore.Store, chat string) error {
	_, err := store.SendMessage(ctx, "owner", db.NewMessage{ID: db.NewID(), ChatID: chat, Role: db.RoleUser, Content: "text"})
	return err
}

// locksWaitedFor counts the connections of the database that wait for a lock.
func locksWaitedFor(t *testing.T, observer *sqlstore.Store) (n int) {
	t.Helper()
	err := observer.Bun().NewRaw("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").
		Scan(t.Context(), &n)
	if err != nil {
		t.Error(err)
	}
	return n
}

// slowest does everything again and again for a while, and returns the longest time that each took.
func slowest(t *testing.T, during time.Duration, calls map[string]func() error) map[string]time.Duration {
	t.Helper()
	longest := map[string]time.Duration{}
	for begin := time.Now(); time.Since(begin) < during; {
		for name, call := range calls {
			start := time.Now()
			if err := call(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			longest[name] = max(longest[name], time.Since(start))
		}
	}
	return longest
}

// TestStuckChat: while somebody holds one chat's row, a crowd that writes to it costs two connections. Other chats, reads and
// the sign of life go on, and the crowd gets through once the row is free.
func TestStuckChat(t *testing.T) {
	t.Parallel()
	url := postgres(t)
	store, observer := openStore(t, url, sqlstore.OpenOptions{MaxConns: 8}), openEmpty(t, url, sqlstore.OpenOptions{MaxConns: 2})
	chats := fill(t, store, "owner", 2)
	stuck, free := chats[0], chats[1]
	h := hold(t, url, stuck)
	crowd := sends(t, store, 60, stuck)
	eventually(t, "some wait", func() bool { return locksWaitedFor(t, observer) > 0 })
	waiting := 0
	longest := slowest(t, 3*sqlstore.LockWait, map[string]func() error{
		"a send to another chat": func() error { return sendTo(store, free) },
		"a read of the chat":     func() error { _, err := store.Chat(t.Context(), "owner", stuck); return err },
		"a sign of life":         func() error { return store.Ping(t.Context()) },
		"the observer":           func() error { waiting = max(waiting, locksWaitedFor(t, observer)); return nil },
	})
	if waiting > 2 {
		t.Errorf("%d connections waited for the row, want 2 at most", waiting)
	}
	for what, took := range longest {
		if took > sqlstore.LockWait {
			t.Errorf("%s took up to %s", what, took)
		}
	}
	h.release()
	for range cap(crowd) {
		if err := <-crowd; err != nil {
			t.Error(err)
		}
	}
}

// TestManyStuckChats: more chats than there are connections may be stuck, and the others go on after at most a few lockWait.
func TestManyStuckChats(t *testing.T) {
	t.Parallel()
	url := postgres(t)
	store := openStore(t, url, sqlstore.OpenOptions{MaxConns: 8})
	chats := fill(t, store, "owner", 13)
	free, stuck := chats[0], chats[1:]
	h := hold(t, url, stuck...)
	crowd := sends(t, store, 3, stuck...)
	read := func() error { _, err := store.Epoch(t.Context()); return err }
	send := func() error { return sendTo(store, free) }
	longest := slowest(t, 4*sqlstore.LockWait, map[string]func() error{"a send": send, "a read": read})
	if longest["a send"] > 5*sqlstore.LockWait || longest["a read"] > sqlstore.LockWait {
		t.Errorf("at first these took up to %v", longest)
	}
	if longest := slowest(t, sqlstore.LockWait, map[string]func() error{"a send": send}); longest["a send"] > sqlstore.LockWait {
		t.Errorf("once it was known which are stuck, a send took up to %v", longest["a send"])
	}
	h.release()
	for range cap(crowd) {
		if err := <-crowd; err != nil {
			t.Error(err)
		}
	}
}

// TestStuckForTooLong: writes of a chat that stays stuck are told when to come back, strangers are told soon what they are
// always told, and the pruner goes on to other chats.
func TestStuckForTooLong(t *testing.T) {
	t.Parallel()
	url := postgres(t)
	store := openStore(t, url, sqlstore.OpenOptions{MaxConns: 8})
	chats := fill(t, store, "owner", 2)
	stuck := slices.Min(chats)
	hold(t, url, stuck)
	crowd := sends(t, store, 5, stuck)
	pruned := make(chan error, 1)
	var pruning sync.WaitGroup
	pruning.Go(func() {
		result, err := store.Prune(context.Background(), time.Now().Add(time.Hour))
		if result.Chats != 1 || result.Messages != 2 {
			t.Errorf("the pruner did %+v, want one of two chats", result)
		}
		pruned <- err
	})
	defer pruning.Wait()
	eventually(t, "two wait for the row", func() bool { return locksWaitedFor(t, store) == 2 })
	start := time.Now()
	_, err := store.RenameChat(t.Context(), "stranger", stuck, "Theirs")
	if took := time.Since(start); db.CodeOf(err) != db.CodeNotFound || took > 3*sqlstore.LockWait {
		t.Errorf("after %s a stranger got %v", took, err)
	}
	if err := <-pruned; db.CodeOf(err) != db.CodeUnavailable {
		t.Errorf("the pruner says %v", err)
	}
	for range cap(crowd) {
		err := <-crowd
		if own, ok := err.(*db.Error); !ok || own.Code != db.CodeUnavailable || own.RetryAfter <= 0 { //nolint:errorlint // it is not wrapped
			t.Errorf("got %v, want UNAVAILABLE and when to come back", err)
		}
	}
	if took := time.Since(start); took > sqlstore.MaxTransaction+2*time.Second {
		t.Errorf("that took %s", took)
	}
}
