package redisbus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"studychat/db"
	"studychat/db/sqlstore"
	"studychat/events"
	"studychat/events/eventstest"
	"studychat/events/hub"
)

// openStore opens and migrates a database.
func openStore(t *testing.T, url string) *sqlstore.Store {
	t.Helper()
	store, err := sqlstore.Open(t.Context(), url, sqlstore.OpenOptions{Log: eventstest.Log(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if _, err := store.MigrateUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	return store
}

// instance is what one process of the server has of the live path, over a real store.
type instance struct {
	repo db.Repository
	hub  *hub.Hub
	bus  events.Bus
}

// newInstance starts an instance. It stops with the test.
func newInstance(t *testing.T, store *sqlstore.Store, bus events.Bus, registry events.Registry) instance {
	t.Helper()
	h := hub.New(store, bus, registry, eventstest.Log(t))
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Stop)
	return instance{events.NewPublisher(store, bus, eventstest.Log(t)), h, bus}
}

// must is for writes that a test takes for granted.
func must(t *testing.T) func(*db.Event, error) *db.Event {
	return func(event *db.Event, err error) *db.Event {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return event
	}
}

// newMessage is a message with an id of its own.
func newMessage(chatID, content string) db.NewMessage {
	return db.NewMessage{ID: db.NewID(), ChatID: chatID, Role: db.RoleUser, Content: content}
}

// started takes the first item of a stream, which says from where it continues.
func started(t testing.TB, s events.Stream) events.Item {
	t.Helper()
	item, err := s.Next(t.Context())
	if err != nil || item.Started == nil || item.Event != nil || item.Ephemeral != nil || item.Reset != nil || item.At.IsZero() {
		t.Fatalf("a stream begins with %+v, %v", item, err)
	}
	return item
}

// readAll reads a stream to its end, or until the event with the number last. It returns the kinds of the events, and what breaks
// the promise: every committed event after the cursor, once, in order, without a gap.
func readAll(ctx context.Context, s events.Stream, after, last int64) (kinds, problems []string) {
	problem := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	for after < last || last == 0 {
		item, err := s.Next(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return append(kinds, "EOF"), problems
		case err != nil:
			problem("Next: %v", err)
			return kinds, problems
		case item.Started != nil:
			problem("started anew: %+v", item.Started)
		case item.Reset != nil:
			problem("a reset: %s", item.Reset.Reason)
		case item.Event != nil:
			if item.Event.Seq != after+1 {
				problem("event %d after %d", item.Event.Seq, after)
			}
			after = max(after, item.Event.Seq)
			kinds = append(kinds, string(item.Event.Kind))
		}
	}
	return kinds, problems
}
