package hub_test

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

// eachStore runs a test over both databases, with the store in hand.
func eachStore(t *testing.T, test func(t *testing.T, store *sqlstore.Store)) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, eventstest.OpenStore(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db")))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, eventstest.OpenStore(t, services.Postgres(t)))
	})
}

// TestStoreEpochRises bumps the epoch under streams that are idle and under one that writes: they reset and go on.
func TestStoreEpochRises(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store *sqlstore.Store) {
		a := eventstest.NewInstance(t, store, events.NewMemoryBus(), events.NewMemoryRegistry())
		ctx, write, id := eventstest.Within(t, time.Minute), eventstest.Must(t), db.NewID()
		write(a.Repo.CreateChat(ctx, "ann", db.NewChat{ID: id, Title: "T"}))
		chat, err := a.Hub.Chat(ctx, "ann", id, &db.Cursor{ChatID: id, Epoch: 1, Seq: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer chat.Close()
		eventstest.Started(t, chat)
		feed, err := a.Hub.Feed(ctx, "ann", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer feed.Close()
		eventstest.Started(t, feed)
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
			sent := write(a.Repo.SendMessage(ctx, "ann", eventstest.NewMessage(id, "on it goes")))
			if _, problems := eventstest.ReadAll(ctx, chat, sent.Seq-1, sent.Seq); len(problems) > 0 {
				t.Errorf("after the reset: %v", problems)
			}
		}
	})
}

// TestStorePruned prunes below a live stream, a stream that resumes from before, and a feed: a client that
// misses something gets a reset, the others continue.
func TestStorePruned(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store *sqlstore.Store) {
		a := eventstest.NewInstance(t, store, events.NewMemoryBus(), events.NewMemoryRegistry())
		ctx, write, id := eventstest.Within(t, time.Minute), eventstest.Must(t), db.NewID()
		begun := time.Now()
		write(a.Repo.CreateChat(ctx, "ann", db.NewChat{ID: id, Title: "T"}))
		write(a.Repo.AddMember(ctx, "ann", id, "bob"))
		write(a.Repo.SendMessage(ctx, "ann", eventstest.NewMessage(id, "old")))
		write(a.Repo.RemoveMember(ctx, "ann", id, "bob")) // 4
		live, err := a.Hub.Chat(ctx, "ann", id, &db.Cursor{ChatID: id, Epoch: 1, Seq: 4})
		if err != nil {
			t.Fatal(err)
		}
		defer live.Close()
		eventstest.Started(t, live)
		if result, err := store.Prune(ctx, time.Now().Add(time.Second)); err != nil || result.Chats != 1 {
			t.Fatalf("%+v, %v", result, err)
		}
		write(a.Repo.SendMessage(ctx, "ann", eventstest.NewMessage(id, "new")))
		if _, problems := eventstest.ReadAll(ctx, live, 4, 5); len(problems) > 0 {
			t.Errorf("the live stream: %v", problems)
		}
		back, err := a.Hub.Chat(ctx, "ann", id, &db.Cursor{ChatID: id, Epoch: 1, Seq: 2})
		if err != nil {
			t.Fatal(err)
		}
		defer back.Close()
		if item := firstReset(t, back); item.Reset.Reason != events.Expired || item.Cursor != (db.Cursor{ChatID: id, Epoch: 1, Seq: 4}).String() {
			t.Errorf("below the floor: %+v at %s", item.Reset, item.Cursor)
		}
		if _, problems := eventstest.ReadAll(ctx, back, 4, 5); len(problems) > 0 {
			t.Errorf("after the reset: %v", problems)
		}
		mine, err := a.Hub.Feed(ctx, "ann", &db.FeedCursor{User: "ann", Epoch: 1, At: begun})
		if err != nil {
			t.Fatal(err)
		}
		defer mine.Close()
		if item := firstReset(t, mine); item.Reset.Reason != events.Expired || item.Reset.ChatID != id {
			t.Errorf("the feed of a member: %+v", item.Reset)
		}
		theirs, err := a.Hub.Feed(ctx, "bob", &db.FeedCursor{User: "bob", Epoch: 1, At: begun})
		if err != nil {
			t.Fatal(err)
		}
		defer theirs.Close()
		eventstest.Started(t, theirs)
		item, err := theirs.Next(ctx)
		if err != nil || item.Event == nil || item.Event.Kind != db.MemberRemoved || item.Event.Seq != 4 {
			t.Errorf("the feed of a removed user who did not know it yet: %+v, %v", item, err)
		}
	})
}
