package hub

import (
	"path/filepath"
	"testing"
	"time"

	"studychat/db"
	"studychat/db/sqlstore"
	"studychat/events"
	"studychat/events/eventstest"
	"studychat/test/services"
)

// firstReset reads on until a reset comes.
func firstReset(t *testing.T, s events.Stream) events.Item {
	t.Helper()
	ctx := eventstest.Within(t, 20*time.Second)
	for {
		item, err := s.Next(ctx)
		if err != nil {
			t.Fatalf("no reset: %v", err)
		}
		if item.Reset != nil {
			return item
		}
	}
}

// nextEvent reads the next event, and no reset before it.
func nextEvent(t *testing.T, s events.Stream) *db.Event {
	t.Helper()
	ctx := eventstest.Within(t, 20*time.Second)
	for {
		item, err := s.Next(ctx)
		if err != nil || item.Reset != nil {
			t.Fatalf("not an event: %+v, %v", item, err)
		}
		if item.Event != nil {
			return item.Event
		}
	}
}

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

// newMessage is a message with an id of its own.
func newMessage(chatID, content string) db.NewMessage {
	return db.NewMessage{ID: db.NewID(), ChatID: chatID, Role: db.RoleUser, Content: content}
}

// committed is for writes that a test takes for granted.
func committed(t *testing.T) func(*db.Event, error) *db.Event {
	return func(event *db.Event, err error) *db.Event {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return event
	}
}

// eachStore runs a test over both databases, with the store in hand.
func eachStore(t *testing.T, test func(t *testing.T, store *sqlstore.Store)) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db")))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, openStore(t, services.Postgres(t)))
	})
}

// TestStoreEpochRises bumps the epoch under streams that are idle and under one that writes: they reset and go on.
func TestStoreEpochRises(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store *sqlstore.Store) {
		bus := events.NewMemoryBus()
		h, repo := startHub(t, store, bus), events.NewPublisher(store, bus, eventstest.Log(t))
		ctx, write, id := eventstest.Within(t, time.Minute), committed(t), db.NewID()
		write(repo.CreateChat(ctx, "ann", db.NewChat{ID: id, Title: "T"}))
		chat, err := h.Chat(ctx, "ann", id, &db.Cursor{ChatID: id, Epoch: 1, Seq: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer chat.Close()
		started(t, chat)
		feed, err := h.Feed(ctx, "ann", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer feed.Close()
		started(t, feed)
		for range 2 {
			_, epoch, err := store.BumpEpoch(ctx)
			if err != nil {
				t.Fatal(err)
			}
			head, err := store.Head(ctx, "ann", id)
			if err != nil {
				t.Fatal(err)
			}
			at := db.Cursor{ChatID: id, Epoch: epoch, Seq: head.HeadSeq}
			if item := firstReset(t, chat); item.Reset.Reason != events.OtherEpoch || item.Cursor != at.String() {
				t.Fatalf("the chat's stream says %+v at %s, want EPOCH at %s", item.Reset, item.Cursor, at)
			}
			item := firstReset(t, feed)
			if cursor, err := db.ParseFeedCursor("after", item.Cursor, "ann"); item.Reset.Reason != events.OtherEpoch || err != nil || cursor.Epoch != epoch {
				t.Fatalf("the feed says %+v at %s, want EPOCH in %d", item.Reset, item.Cursor, epoch)
			}
			sent := write(repo.SendMessage(ctx, "ann", newMessage(id, "on it goes")))
			if event := nextEvent(t, chat); event.Seq != sent.Seq {
				t.Errorf("event %d after the reset, want %d", event.Seq, sent.Seq)
			}
		}
	})
}

// TestStorePruned prunes below a live stream, a stream that resumes from before, and a feed: a client that
// misses something gets a reset, the others continue.
func TestStorePruned(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store *sqlstore.Store) {
		bus := events.NewMemoryBus()
		h, repo := startHub(t, store, bus), events.NewPublisher(store, bus, eventstest.Log(t))
		ctx, write, id := eventstest.Within(t, time.Minute), committed(t), db.NewID()
		begun := time.Now()
		write(repo.CreateChat(ctx, "ann", db.NewChat{ID: id, Title: "T"}))
		write(repo.AddMember(ctx, "ann", id, "bob"))
		write(repo.SendMessage(ctx, "ann", newMessage(id, "old")))
		write(repo.RemoveMember(ctx, "ann", id, "bob")) // 4
		live, err := h.Chat(ctx, "ann", id, &db.Cursor{ChatID: id, Epoch: 1, Seq: 4})
		if err != nil {
			t.Fatal(err)
		}
		defer live.Close()
		started(t, live)
		if result, err := store.Prune(ctx, time.Now().Add(time.Second)); err != nil || result.Chats != 1 {
			t.Fatalf("%+v, %v", result, err)
		}
		write(repo.SendMessage(ctx, "ann", newMessage(id, "new")))
		if event := nextEvent(t, live); event.Seq != 5 {
			t.Errorf("the live stream: event %d, want 5", event.Seq)
		}
		back, err := h.Chat(ctx, "ann", id, &db.Cursor{ChatID: id, Epoch: 1, Seq: 2})
		if err != nil {
			t.Fatal(err)
		}
		defer back.Close()
		if item := firstReset(t, back); item.Reset.Reason != events.Expired || item.Cursor != (db.Cursor{ChatID: id, Epoch: 1, Seq: 4}).String() {
			t.Errorf("below the floor: %+v at %s", item.Reset, item.Cursor)
		}
		if event := nextEvent(t, back); event.Seq != 5 {
			t.Errorf("after the reset: event %d, want 5", event.Seq)
		}
		mine, err := h.Feed(ctx, "ann", &db.FeedCursor{User: "ann", Epoch: 1, At: begun})
		if err != nil {
			t.Fatal(err)
		}
		defer mine.Close()
		if item := firstReset(t, mine); item.Reset.Reason != events.Expired || item.Reset.ChatID != id {
			t.Errorf("the feed of a member: %+v", item.Reset)
		}
		theirs, err := h.Feed(ctx, "bob", &db.FeedCursor{User: "bob", Epoch: 1, At: begun})
		if err != nil {
			t.Fatal(err)
		}
		defer theirs.Close()
		started(t, theirs)
		item, err := theirs.Next(ctx)
		if err != nil || item.Event == nil || item.Event.Kind != db.MemberRemoved || item.Event.Seq != 4 {
			t.Errorf("the feed of a removed user who did not know it yet: %+v, %v", item, err)
		}
	})
}
