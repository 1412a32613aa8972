package graph_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"studychat/db"
	"studychat/events"
	"studychat/events/hub"
	"studychat/graph"
)

// flaky is a database that does not answer a read the first two times: once by its own word, and once by a deadline of the store.
type flaky struct {
	db.Repository

	mu    sync.Mutex
	calls map[string]int
}

func (f *flaky) fail(read string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[read]++
	switch f.calls[read] {
	case 1:
		return db.Unavailable(errors.New("it does not answer"))
	case 2:
		return fmt.Errorf("waited too long: %w", context.DeadlineExceeded)
	}
	return nil
}

// flakily makes a read that fails at first.
func flakily[T any](f *flaky, name string, read func() (T, error)) (result T, err error) {
	if err := f.fail(name); err != nil {
		return result, err
	}
	return read()
}

func (f *flaky) Chat(ctx context.Context, viewer, id string) (*db.Chat, error) {
	return flakily(f, "chats", func() (*db.Chat, error) { return f.Repository.Chat(ctx, viewer, id) })
}

func (f *flaky) ViewerStates(ctx context.Context, viewer string, ids []string) (map[string]db.ViewerState, error) {
	return flakily(f, "viewer states", func() (map[string]db.ViewerState, error) { return f.Repository.ViewerStates(ctx, viewer, ids) })
}

func (f *flaky) Messages(ctx context.Context, viewer string, ids []string, page db.Page) (map[string]*db.MessageList, error) {
	return flakily(f, "messages", func() (map[string]*db.MessageList, error) { return f.Repository.Messages(ctx, viewer, ids, page) })
}

func (f *flaky) MessagesByID(ctx context.Context, viewer string, ids []string) (map[string]*db.Message, error) {
	return flakily(f, "messages by id", func() (map[string]*db.Message, error) { return f.Repository.MessagesByID(ctx, viewer, ids) })
}

func (f *flaky) ReadMarks(ctx context.Context, viewer string, ids []string) (map[string]map[string]int64, error) {
	return flakily(f, "read marks", func() (map[string]map[string]int64, error) { return f.Repository.ReadMarks(ctx, viewer, ids) })
}

func (f *flaky) Users(ctx context.Context, ids []string) (map[string]*db.User, error) {
	return flakily(f, "users", func() (map[string]*db.User, error) { return f.Repository.Users(ctx, ids) })
}

func (f *flaky) ModulesByID(ctx context.Context, ids []string) (map[string]*db.Module, error) {
	return flakily(f, "modules", func() (map[string]*db.Module, error) { return f.Repository.ModulesByID(ctx, ids) })
}

// readingDocument asks for everything that has to be read for an event.
const readingDocument = `subscription ($chat: ID!, $after: String) { chatEvents(chatId: $chat, after: $after) { cursor
	... on StreamStarted { online { id } readMarks { user { name } readSeq } }
	... on MessageSent { actor { name } message { author { name } replyTo { id } chat { title } } chat {
		title module { title } viewerState { unreadCount } online { name } members { readSeq user { name } } messages(first: 2) { nodes: edges { node { id } } }
	} } } }`

// TestEventsWaitForTheDatabase: an event whose fields cannot be read is not told with errors, which its client could never make
// good: it comes later, and whole.
func TestEventsWaitForTheDatabase(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	store := newStore(t, log)
	bus := events.NewMemoryBus()
	hub := hub.New(store, bus, events.NewMemoryRegistry(), log)
	must(t, hub.Start(t.Context()))
	t.Cleanup(hub.Stop)
	repo := &flaky{Repository: events.NewPublisher(store, bus, log), calls: map[string]int{}}
	_, err := store.PutModule(t.Context(), db.Module{ID: "math-2", Title: "Analysis II", Content: "# Limits"})
	must(t, err)
	module := "math-2"
	_, err = repo.CreateChat(t.Context(), "ann", db.NewChat{ID: chat1, Title: "A chat", ModuleID: &module})
	must(t, err)
	_, err = repo.SendMessage(t.Context(), "ann", db.NewMessage{ID: message1, ChatID: chat1, Role: db.RoleUser, Content: "one"})
	must(t, err)
	for _, user := range []string{"bob", "cem"} { // whose names are not in memory
		_, err = repo.AddMember(t.Context(), "ann", chat1, user)
		must(t, err)
	}
	items := serveEdge(t, repo, hub, log).follow("ann", readingDocument, vars{"chat": chat1, "after": place(4)})
	first := take(t, items, 1)[0]
	reply := message1
	_, err = repo.SendMessage(t.Context(), "ann", db.NewMessage{ID: message2, ChatID: chat1, Role: db.RoleUser, Content: "two", ReplyTo: &reply})
	must(t, err)
	second := take(t, items, 1)[0]
	if strings.Contains(first+second, "errors") || !strings.Contains(first, `"readMarks"`) || !strings.Contains(second, `"title": "Analysis II"`) {
		t.Errorf("got %s\n%s", first, second)
	}
	for _, read := range []string{"chats", "viewer states", "messages", "messages by id", "read marks", "users", "modules"} {
		if repo.calls[read] < 3 {
			t.Errorf("%s were asked for %d times: the test shows nothing of them", read, repo.calls[read])
		}
	}
}

// TestQueriesDoNotWait: a query is answered with what can be read now.
func TestQueriesDoNotWait(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	store := newStore(t, log)
	_, err := store.CreateChat(t.Context(), "ann", db.NewChat{ID: chat1, Title: "A chat"})
	must(t, err)
	_, err = store.AddMember(t.Context(), "ann", chat1, "bob") // whose name is not in memory
	must(t, err)
	repo := &flaky{Repository: store, calls: map[string]int{"chats": 2}}
	e := serveEdge(t, repo, &sickLive{}, log)
	e.stock = nil // each call is counted
	answer := e.run("ann", `{ chat(id: "`+chat1+`") { title viewerState { unreadCount } } again: chat(id: "`+chat1+`") { members { user { name } } also: members { user { name } } } }`, nil)
	if !strings.Contains(answer, "UNAVAILABLE") || repo.calls["viewer states"] != 1 || repo.calls["users"] != 1 {
		t.Errorf("got %s after %v", answer, repo.calls)
	}
}

// TestPatience: the wait for a database has an end, which is a cut; the caller's own end is none of the database's.
func TestPatience(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason   string
		err      error
		leaves   time.Duration
		min, max time.Duration
		cut      bool
	}{
		{"it does not answer", db.Unavailable(errors.New("no answer")), time.Hour, graph.Patience - 5*time.Second, graph.Patience, true},
		{"a deadline of ours", context.DeadlineExceeded, time.Hour, graph.Patience - 5*time.Second, graph.Patience, true},
		{"the client leaves", db.Unavailable(errors.New("no answer")), 10 * time.Second, 10 * time.Second, 10 * time.Second, false},
		{"a refusal", db.NotFound("chat"), time.Hour, 0, 0, false},
		{"a fault", errors.New("a fault"), time.Hour, 0, 0, false},
		{"this instance stops", events.ErrStopped, time.Hour, 0, 0, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), c.leaves)
			defer cancel()
			cut, began := false, time.Now()
			err := graph.UntilAvailable(graph.WithRequest(ctx, graph.Request{Disconnect: func() { cut = true }}), func() error { return c.err })
			if took := time.Since(began); !errors.Is(err, c.err) || took < c.min || took > c.max || cut != c.cut {
				t.Errorf("%s: %v after %s, cut: %t", c.reason, err, took, cut)
			}
		})
	}
}
