package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"studychat/db"
	"studychat/db/sqlstore"
)

// attempt is one call of SendMessage and its answer.
type attempt struct {
	viewer  string
	message db.NewMessage
	event   *db.Event
	err     error
}

// sender is what a crowd sends through.
type sender interface {
	SendMessage(ctx context.Context, viewer string, message db.NewMessage) (*db.Event, error)
}

// poison is content that the database refuses: when it is stored, or at COMMIT.
const (
	poison     = "poison"
	latePoison = "late poison"
)

// poisoned makes the database refuse poison, and give up some transactions because of others.
func poisoned(t *testing.T, store *sqlstore.Store) {
	t.Helper()
	statements := []string{"CREATE TRIGGER poison BEFORE INSERT ON messages WHEN NEW.content LIKE '%poison' BEGIN SELECT RAISE(ABORT, 'refused'); END"}
	if store.Dialect() == sqlstore.Postgres {
		statements = []string{
			`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.content = TG_ARGV[0] THEN
		RAISE EXCEPTION 'refused' USING ERRCODE = '23514';
	ELSIF random() < 0.01 THEN
		RAISE EXCEPTION 'a conflict' USING ERRCODE = '40001';
	END IF;
	RETURN NEW;
END $$`,
			`CREATE TRIGGER poison BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION refuse('poison')`,
			`CREATE CONSTRAINT TRIGGER late_poison AFTER INSERT ON messages DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse('late poison')`,
		}
	}
	for _, statement := range statements {
		if _, err := store.Bun().NewRaw(statement).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// crowd sends all kinds of messages from many callers at once.
type crowd struct {
	chats []string
	ids   []string // of messages that exist: to reply to, and to send again

	mu       sync.Mutex
	attempts []attempt
}

func (c *crowd) send(ctx context.Context, s sender, dice *rand.Rand) {
	a := attempt{viewer: "owner", message: db.NewMessage{ID: db.NewID(), ChatID: c.chats[dice.IntN(len(c.chats))], Role: db.RoleUser, Content: "text"}}
	switch dice.IntN(12) {
	case 0:
		a.viewer = "stranger"
	case 1:
		a.viewer = "mia" // who is removed and added all the time
	case 2:
		a.message.ReplyTo = new(db.NewID())
	case 3:
		a.message.ReplyTo = new(c.known(dice))
	case 4:
		a.message.ID = c.known(dice)
	case 5:
		a.message.ID = a.message.ChatID
	case 6:
		a.message.Content = poison
	case 7:
		a.message.Content = latePoison
	case 8:
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(dice.IntN(5000))*time.Microsecond)
		defer cancel()
	case 9: // the same twice at once
		twin := a
		var second sync.WaitGroup
		second.Go(func() { c.try(ctx, s, twin) })
		defer second.Wait()
	}
	c.try(ctx, s, a)
}

func (c *crowd) try(ctx context.Context, s sender, a attempt) {
	a.event, a.err = s.SendMessage(ctx, a.viewer, a.message)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.attempts = append(c.attempts, a)
	if a.err == nil && len(c.ids) < 50 {
		c.ids = append(c.ids, a.message.ID)
	}
}

func (c *crowd) known(dice *rand.Rand) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.ids) == 0 {
		return db.NewID()
	}
	return c.ids[dice.IntN(len(c.ids))]
}

// disturb makes other writes to the chats until ctx ends.
func (c *crowd) disturb(ctx context.Context, store *sqlstore.Store, dice *rand.Rand) {
	for n := 0; ctx.Err() == nil; n++ {
		chat := c.chats[dice.IntN(len(c.chats)-1)]
		_, _ = store.RemoveMember(ctx, "owner", chat, "mia")
		_, _ = store.RenameChat(ctx, "owner", chat, fmt.Sprint("title ", n))
		_, _ = store.EditMessage(ctx, "owner", c.known(dice), fmt.Sprint("edited ", n))
		_, _ = store.AddMember(ctx, "owner", chat, "mia")
		if n == 20 {
			_, _ = store.DeleteChat(ctx, "owner", c.chats[len(c.chats)-1])
		}
	}
}

// TestSendsAgree has a crowd send all kinds of messages, some of which the database refuses, while others write to the same chats and
// connections break at COMMIT: each answer agrees with what is stored, and the logs have no gaps.
func TestSendsAgree(t *testing.T) {
	t.Parallel()
	costly(t, func(t *testing.T, url string) {
		store, attempts, chats := crowded(t, url, func(store *sqlstore.Store) sender { return store })
		for _, fault := range disagreements(t, store, chats, attempts) {
			t.Error(fault)
		}
		seen := map[db.Code]int{}
		for _, a := range attempts {
			seen[db.CodeOf(a.err)]++
		}
		for _, code := range []db.Code{"", db.CodeNotFound, db.CodeConflict, db.CodeInternal} {
			if seen[code] == 0 {
				t.Errorf("no call was answered with %q: %v", code, seen)
			}
		}
	})
}

// liar answers calls that were rolled back as if they had been stored.
type liar struct{ *sqlstore.Store }

func (l liar) SendMessage(ctx context.Context, viewer string, message db.NewMessage) (*db.Event, error) {
	event, err := l.Store.SendMessage(ctx, viewer, message)
	if err != nil && message.Content == poison {
		return &db.Event{ChatID: message.ChatID, Seq: 3, Kind: db.MessageSent, Actor: viewer, Message: &db.Message{ID: message.ID}}, nil
	}
	return event, err
}

// TestControlSendsAgree is the negative control.
func TestControlSendsAgree(t *testing.T) {
	t.Parallel()
	store, attempts, chats := crowded(t, sqliteFile(t), func(store *sqlstore.Store) sender { return liar{store} })
	if len(disagreements(t, store, chats, attempts)) == 0 {
		t.Error("calls that were rolled back were answered with success, and nobody noticed")
	}
}

// sendsOf is how often each of the crowd sends. SQLite takes one batch after the other, while every write disturbs it: under the
// detector each send is slow, and more of the same shows no other race.
func sendsOf(store *sqlstore.Store) int {
	if raced && store.Dialect() != sqlstore.Postgres {
		return 8
	}
	return 25
}

func crowded(t *testing.T, url string, through func(*sqlstore.Store) sender) (*sqlstore.Store, []attempt, []string) {
	guard := &spy{}
	store := openStore(t, url, sqlstore.OpenOptions{Guard: guard})
	chats := fill(t, store, "owner", 5)
	if store.Dialect() == sqlstore.Postgres {
		breakCommits(t, guard, url)
	}
	poisoned(t, store)
	c := &crowd{chats: chats}
	ctx, cancel := context.WithCancel(t.Context())
	var others, callers sync.WaitGroup
	others.Go(func() { c.disturb(ctx, store, rand.New(rand.NewPCG(1, 1))) })
	for i := range uint64(40) {
		callers.Go(func() {
			dice := rand.New(rand.NewPCG(2, i))
			for range sendsOf(store) {
				c.send(ctx, through(store), dice)
			}
		})
	}
	callers.Wait()
	cancel()
	others.Wait()
	return store, c.attempts, chats
}

// breakCommits breaks connections between Mark and COMMIT now and then.
func breakCommits(t *testing.T, guard *spy, url string) {
	admin := openEmpty(t, url, sqlstore.OpenOptions{MaxConns: 2})
	guard.onMark = func(ctx context.Context, _ db.Write) {
		if rand.IntN(40) == 0 {
			_, _ = admin.Bun().NewRaw(`SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity
WHERE datname = current_database() AND state = 'idle in transaction'`).Exec(ctx)
		}
	}
}

// disagreements compares the answers with what is stored.
func disagreements(t *testing.T, store *sqlstore.Store, chats []string, attempts []attempt) (faults []string) {
	t.Helper()
	stored := map[string]*db.Event{} // by message
	for _, chat := range chats[:len(chats)-1] {
		log, err := store.Log(t.Context(), chat, 0, 100_000)
		if err != nil {
			return []string{err.Error()} // a gap, too
		}
		for _, event := range log.Events {
			if event.Kind == db.MessageSent {
				stored[event.Message.ID] = event
			}
		}
	}
	success := map[string]int{}
	for _, a := range attempts {
		if a.message.ChatID == chats[len(chats)-1] {
			continue // which was deleted, and its messages with it
		}
		if fault := disagrees(a, stored[a.message.ID]); fault != "" {
			faults = append(faults, fmt.Sprintf("%s by %s was answered with %+v, %v: %s", a.message.ID, a.viewer, a.event, a.err, fault))
		}
		if a.err == nil && !a.event.Repeated {
			success[a.message.ID]++
		}
	}
	for id, n := range success {
		if n > 1 {
			faults = append(faults, fmt.Sprintf("%s was stored %d times", id, n))
		}
	}
	return faults
}

func disagrees(a attempt, stored *db.Event) string {
	own := stored != nil && stored.Actor == a.viewer && stored.ChatID == a.message.ChatID
	switch code := db.CodeOf(a.err); {
	case a.err == nil && (!own || stored.Seq != a.event.Seq):
		return "not so stored"
	case a.err == nil && strings.Contains(a.message.Content, poison):
		return "poison was stored"
	case a.viewer == "stranger" && code != db.CodeNotFound && code != db.CodeUnavailable:
		return "a stranger"
	case code == db.CodeInternal && !slices.Contains([]string{poison, latePoison}, a.message.Content) && !errors.Is(a.err, context.Canceled) && !errors.Is(a.err, context.DeadlineExceeded):
		return "fails because of others"
	case code == db.CodeInternal && strings.Contains(a.message.Content, poison) && own:
		return "stored, although it was refused"
	}
	return ""
}

// TestSendsLeaveNothingOpen: a batch that stores nothing ends its transaction before its callers are answered. Its locks (of the chat
// and of the id) would otherwise stop others until the database ends the session.
func TestSendsLeaveNothingOpen(t *testing.T) {
	t.Parallel()
	url := postgres(t)
	store := openStore(t, url, sqlstore.OpenOptions{})
	observer, err := pgx.Connect(t.Context(), url) // the store's own connections are what is observed
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = observer.Close(context.Background()) })
	home, other := db.NewID(), db.NewID()
	for _, id := range []string{home, other} {
		if _, err := store.CreateChat(t.Context(), "ann", db.NewChat{ID: id, Title: "A chat"}); err != nil {
			t.Fatal(err)
		}
	}
	first := db.NewMessage{ID: db.NewID(), ChatID: home, Role: db.RoleUser, Content: "once"}
	missing := db.NewID()
	for _, c := range []struct {
		reason, viewer string
		message        db.NewMessage
		want           db.Code
	}{
		{"the first", "ann", first, ""},
		{"a repeat", "ann", first, ""},
		{"an id in use", "ann", db.NewMessage{ID: first.ID, ChatID: other, Role: db.RoleUser, Content: "twice"}, db.CodeConflict},
		{"the id of a chat", "ann", db.NewMessage{ID: other, ChatID: home, Role: db.RoleUser, Content: "x"}, db.CodeConflict},
		{"a stranger", "eve", db.NewMessage{ID: db.NewID(), ChatID: home, Role: db.RoleUser, Content: "x"}, db.CodeNotFound},
		{"a reply to nothing", "ann", db.NewMessage{ID: db.NewID(), ChatID: home, Role: db.RoleUser, Content: "x", ReplyTo: &missing}, db.CodeNotFound},
	} {
		if _, err := store.SendMessage(t.Context(), c.viewer, c.message); db.CodeOf(err) != c.want && (err != nil || c.want != "") {
			t.Errorf("%s: %v", c.reason, err)
		}
		var open int
		err := observer.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'").Scan(&open)
		if err != nil || open > 0 {
			t.Errorf("%s leaves %d transactions open, %v", c.reason, open, err)
		}
	}
}
