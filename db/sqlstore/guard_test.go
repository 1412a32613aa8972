package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"studychat/db"
	"studychat/db/sqlstore"
)

// spy is a guard that writes down what it is told.
type spy struct {
	mutex  sync.Mutex
	log    []string
	writes []db.Write

	onMark   func(ctx context.Context, write db.Write)
	onFinish func(outcome db.Outcome)
}

func (s *spy) Mark(ctx context.Context, writes ...db.Write) func(db.Outcome) {
	s.note("mark", writes[0])
	if s.onMark != nil {
		s.onMark(ctx, writes[0])
	}
	return func(outcome db.Outcome) {
		s.note(fmt.Sprint("finish ", outcome), db.Write{})
		if s.onFinish != nil {
			s.onFinish(outcome)
		}
	}
}

func (s *spy) note(line string, write db.Write) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.log = append(s.log, line)
	s.writes = append(s.writes, write)
}

func (s *spy) reset() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.log, s.writes = nil, nil
}

func (s *spy) expect(t *testing.T, reason string, want ...string) {
	t.Helper()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if !slices.Equal(s.log, want) {
		t.Errorf("%s: the guard was told %q, want %q", reason, s.log, want)
	}
}

var (
	committed  = []string{"mark", "finish 0"}
	rolledBack = []string{"mark", "finish 1"}
	unknown    = []string{"mark", "finish 2"}
)

// guarded is a store with a spy and a chat in it.
type guarded struct {
	*sqlstore.Store
	spy  *spy
	url  string
	chat string
}

func openGuarded(t *testing.T, url string) *guarded {
	t.Helper()
	g := &guarded{spy: &spy{}, url: url}
	g.Store = openStore(t, url, sqlstore.OpenOptions{Guard: g.spy})
	event, err := g.CreateChat(t.Context(), "owner", db.NewChat{ID: db.NewID(), Title: "A chat"})
	if err != nil {
		t.Fatal(err)
	}
	g.spy.expect(t, "CreateChat", committed...)
	g.spy.reset()
	g.chat = event.ChatID
	return g
}

func (g *guarded) send(ctx context.Context) (*db.Event, error) {
	return g.SendMessage(ctx, "owner", db.NewMessage{ID: db.NewID(), ChatID: g.chat, Role: db.RoleUser, Content: "text"})
}

// head is the number of the chat's newest event.
func (g *guarded) head(t *testing.T) int64 {
	t.Helper()
	head, err := g.Head(context.Background(), "owner", g.chat)
	if err != nil {
		t.Fatal(err)
	}
	return head.HeadSeq
}

// TestGuardAroundCommit looks from another connection while the guard is called: Mark comes before the commit, finish
// after it and before the answer.
func TestGuardAroundCommit(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(testing.TB) string{"sqlite": sqliteFile, "postgres": postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := openGuarded(t, url(t))
			other := openEmpty(t, g.url, sqlstore.OpenOptions{})
			headOf := func() int64 {
				head, err := other.Head(t.Context(), "owner", g.chat)
				if err != nil {
					t.Error(err)
				}
				return head.HeadSeq
			}
			answered := false
			g.spy.onMark = func(context.Context, db.Write) {
				if headOf() != 1 {
					t.Error("the write was visible before it was marked")
				}
			}
			g.spy.onFinish = func(db.Outcome) {
				if headOf() != 2 || answered {
					t.Error("finish was not between the commit and the answer")
				}
			}
			_, err := g.send(t.Context())
			answered = true
			if err != nil {
				t.Fatal(err)
			}
			g.spy.expect(t, "a send", committed...)
		})
	}
}

// TestGuardIsNotTold expects silence about what commits nothing.
func TestGuardIsNotTold(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		g := openGuarded(t, url)
		ctx := t.Context()
		_, err := g.RenameChat(ctx, "owner", g.chat, "A chat")
		if err != nil {
			t.Fatal(err)
		}
		_, err = g.send(cancelled())
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		_, err = g.LeaveChat(ctx, "owner", g.chat)
		if db.CodeOf(err) != db.CodeForbidden {
			t.Errorf("got %v", err)
		}
		_, err = g.RenameChat(ctx, "stranger", g.chat, "Theirs")
		if db.CodeOf(err) != db.CodeNotFound {
			t.Errorf("got %v", err)
		}
		if _, _, err = g.MarkRead(ctx, "owner", g.chat, 1); err != nil {
			t.Error(err)
		}
		g.spy.expect(t, "a repeat, a cancelled call, two refusals and a read mark")
	})
}

func cancelled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// TestGuardIsToldWhoseLists checks Write for every kind of write.
func TestGuardIsToldWhoseLists(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		g := openGuarded(t, url)
		ctx := t.Context()
		expect := func(reason string, members ...string) {
			t.Helper()
			write := g.spy.writes[0]
			slices.Sort(write.Members)
			if write.ChatID != g.chat || !slices.Equal(write.Members, members) {
				t.Errorf("%s: the guard was told of %+v, want %v", reason, write, members)
			}
			g.spy.reset()
		}
		must := func(event *db.Event, err error) *db.Event {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			return event
		}
		must(g.AddMember(ctx, "owner", g.chat, "mia"))
		expect("AddMember tells the new member too", "mia", "owner")
		message := must(g.send(ctx)).Message
		expect("SendMessage", "mia", "owner")
		must(g.EditMessage(ctx, "owner", message.ID, "other"))
		expect("EditMessage", "mia", "owner")
		must(g.DeleteMessage(ctx, "owner", message.ID))
		expect("DeleteMessage", "mia", "owner")
		must(g.LeaveChat(ctx, "mia", g.chat))
		expect("LeaveChat tells who left", "mia", "owner")
		must(g.RenameChat(ctx, "owner", g.chat, "Other"))
		expect("RenameChat", "owner")
		for i := range db.MaxGuardedMembers - 1 {
			must(g.AddMember(ctx, "owner", g.chat, fmt.Sprint("member", i)))
		}
		g.spy.reset()
		must(g.send(ctx))
		if n := len(g.spy.writes[0].Members); n != db.MaxGuardedMembers {
			t.Errorf("at the limit the guard was told of %d members", n)
		}
		g.spy.reset()
		all := func(reason string) {
			t.Helper()
			if n := len(g.spy.writes[0].Members); n != db.MaxGuardedMembers+1 || !slices.Contains(g.spy.writes[0].Members, "one more") {
				t.Errorf("%s: the guard was told of %d members", reason, n)
			}
			g.spy.reset()
		}
		must(g.AddMember(ctx, "owner", g.chat, "one more"))
		all("the step over the limit concerns everybody")
		must(g.send(ctx))
		expect("above it nobody is named")
		must(g.AddMember(ctx, "owner", g.chat, "two more"))
		expect("but who is added", "two more")
		must(g.RemoveMember(ctx, "owner", g.chat, "two more"))
		expect("or removed", "two more")
		must(g.RemoveMember(ctx, "owner", g.chat, "one more"))
		all("and so does the step back")
		must(g.DeleteChat(ctx, "owner", g.chat))
		if n := len(g.spy.writes[0].Members); n != db.MaxGuardedMembers {
			t.Errorf("the deletion tells %d members", n)
		}
	})
}

// TestGuardCallerGoesAway ends the caller's ctx between Mark and COMMIT: the commit goes on, its outcome is known.
func TestGuardCallerGoesAway(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		g := openGuarded(t, url)
		ctx, cancel := context.WithCancel(t.Context())
		g.spy.onMark = func(context.Context, db.Write) { cancel() }
		if event, err := g.send(ctx); err != nil || event.Seq != 2 {
			t.Errorf("got %+v, %v", event, err)
		}
		g.spy.expect(t, "a caller who went away", committed...)
	})
}

// TestGuardPanics panics inside the transaction: it is rolled back, its number is given back, its connection is free.
func TestGuardPanics(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		g := openGuarded(t, url)
		g.spy.onMark = func(context.Context, db.Write) { panic("a fault in the guard") }
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_, _ = g.send(t.Context())
		}()
		if head := g.head(t); head != 1 {
			t.Errorf("the head is %d", head)
		}
		g.spy.onMark = nil
		if event, err := g.send(t.Context()); err != nil || event.Seq != 2 {
			t.Errorf("the next send: %+v, %v", event, err)
		}
	})
}

// TestGuardUnknownOutcome breaks the connection between Mark and COMMIT. The store cannot know what became of it, and
// says so; a repeat with the same id finds out.
func TestGuardUnknownOutcome(t *testing.T) {
	t.Parallel()
	g := openGuarded(t, postgres(t))
	admin := openEmpty(t, g.url, sqlstore.OpenOptions{})
	g.spy.onMark = func(ctx context.Context, _ db.Write) {
		if _, err := admin.Bun().NewRaw(`SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND state = 'idle in transaction'`).Exec(ctx); err != nil {
			t.Error(err)
		}
	}
	message := db.NewMessage{ID: db.NewID(), ChatID: g.chat, Role: db.RoleUser, Content: "text"}
	_, err := g.SendMessage(t.Context(), "owner", message)
	if db.CodeOf(err) != db.CodeUnavailable {
		t.Errorf("got %v, want UNAVAILABLE", err)
	}
	g.spy.expect(t, "a broken connection", unknown...)
	g.spy.reset()
	g.spy.onMark = nil
	if event, err := g.SendMessage(t.Context(), "owner", message); err != nil || event.Seq != 2 {
		t.Errorf("the repeat: %+v, %v", event, err)
	}
	g.spy.expect(t, "the repeat", committed...)
}

// refuseCommit makes PostgreSQL refuse the COMMIT of the next n sends, with a state of choice.
func refuseCommit(t *testing.T, g *guarded, n int, state string) {
	t.Helper()
	for _, statement := range []string{
		"CREATE SEQUENCE refusals",
		`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF nextval('refusals') <= TG_ARGV[0]::int THEN
		RAISE EXCEPTION 'refused' USING ERRCODE = TG_ARGV[1];
	END IF;
	RETURN NULL;
END $$`,
	} {
		if _, err := g.Bun().NewRaw(statement).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := g.Bun().NewRaw(`CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON messages
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse(?, ?)`, fmt.Sprint(n), state).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestGuardRefusedCommit has COMMIT itself fail, for certain.
func TestGuardRefusedCommit(t *testing.T) {
	t.Parallel()
	g := openGuarded(t, postgres(t))
	refuseCommit(t, g, 1, "23514")
	_, err := g.send(t.Context())
	if db.CodeOf(err) != db.CodeInternal || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v", err)
	}
	g.spy.expect(t, "a refused commit", rolledBack...)
	if event, err := g.send(t.Context()); err != nil || event.Seq != 2 {
		t.Errorf("the next send: %+v, %v", event, err)
	}
}

// TestConflictIsRetried has the database give up transactions because of others, now and then and for ever.
func TestConflictIsRetried(t *testing.T) {
	t.Parallel()
	for _, state := range []string{"40001", "40P01"} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			g := openGuarded(t, postgres(t))
			refuseCommit(t, g, 6, state)
			_, err := g.send(t.Context())
			if db.CodeOf(err) != db.CodeUnavailable {
				t.Errorf("after four attempts: got %v, want UNAVAILABLE", err)
			}
			g.spy.expect(t, "four attempts", slices.Repeat(rolledBack, 4)...)
			g.spy.reset()
			if event, err := g.send(t.Context()); err != nil || event.Seq != 2 || event.Repeated {
				t.Errorf("the third attempt: %+v, %v", event, err)
			}
			g.spy.expect(t, "three attempts", slices.Concat(rolledBack, rolledBack, committed)...)
		})
	}
}
