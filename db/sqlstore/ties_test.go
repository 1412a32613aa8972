package sqlstore_test

import (
	"slices"
	"testing"
	"time"

	"studychat/db"
	"studychat/db/dbtest"
	"studychat/db/sqlstore"
)

// TestTies puts chats and members at the same microsecond, which only the database can: then ids decide the order.
func TestTies(t *testing.T) {
	t.Parallel()
	costly(t, func(t *testing.T, url string) {
		store := openStore(t, url, sqlstore.OpenOptions{})
		at := time.Date(2026, 3, 1, 9, 30, 0, 123_000, time.UTC)
		var chats []*db.Chat
		for i, id := range fill(t, store, "owner", 6) {
			last := at.Add(time.Duration(i/3) * time.Microsecond) // three at each of two moments
			if _, err := store.Bun().NewRaw("UPDATE chats SET last_at = ? WHERE id = ?", last, id).Exec(t.Context()); err != nil {
				t.Fatal(err)
			}
			chat, err := store.Chat(t.Context(), "owner", id)
			if err != nil {
				t.Fatal(err)
			}
			if !chat.LastAt.Equal(last) {
				t.Fatalf("stored %s, read %s", last, chat.LastAt)
			}
			chats = append(chats, chat)
		}
		dbtest.ChatPages(t, t.Context(), store, "owner", nil, chats)
	})
}

func TestMemberTies(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		store := openStore(t, url, sqlstore.OpenOptions{})
		chat := fill(t, store, "owner", 1)[0]
		names := []string{"ä", "b", "B", "a", "_", "Z", "10", "9"}
		for _, name := range names {
			if _, err := store.AddMember(t.Context(), "owner", chat, name); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := store.Bun().NewRaw("UPDATE chat_members SET joined_at = ?", time.Now()).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, err := store.Chat(t.Context(), "owner", chat)
		if err != nil {
			t.Fatal(err)
		}
		var order []string
		for _, m := range got.Members {
			order = append(order, m.UserID)
		}
		if !slices.IsSorted(order) || len(order) != len(names)+2 {
			t.Errorf("members at one moment come as %q, want byte order", order)
		}
	})
}

// TestClockGoesBack has an instance whose clock is behind: times of a chat still rise.
func TestClockGoesBack(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		store := openStore(t, url, sqlstore.OpenOptions{})
		chat := fill(t, store, "owner", 1)[0]
		ahead := time.Now().UTC().Truncate(time.Microsecond).Add(time.Hour)
		if _, err := store.Bun().NewRaw("UPDATE chats SET last_at = ? WHERE id = ?", ahead, chat).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		event, err := store.SendMessage(t.Context(), "owner", db.NewMessage{ID: db.NewID(), ChatID: chat, Content: "x"})
		if err != nil || !event.At.Equal(ahead) || !event.Message.CreatedAt.Equal(ahead) {
			t.Errorf("got %+v, %v; want the time of the event before it, %s", event, err, ahead)
		}
	})
}

// TestMissingEvent takes an event out of the log: a gap is an error, never passed over.
func TestMissingEvent(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		store := openStore(t, url, sqlstore.OpenOptions{})
		chat := fill(t, store, "owner", 1)[0]
		if _, err := store.Bun().NewRaw("DELETE FROM messages WHERE chat_id = ? AND seq = 3", chat).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		if log, err := store.Log(t.Context(), chat, 0, 2); err != nil || len(log.Events) != 2 {
			t.Errorf("before the gap: %+v, %v", log, err)
		}
		if log, err := store.Log(t.Context(), chat, 0, 10); db.CodeOf(err) != db.CodeInternal {
			t.Errorf("over the gap: %+v, %v", log, err)
		}
	})
}
