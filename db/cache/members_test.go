package cache

import (
	"fmt"
	"testing"

	"studychat/db"
)

// The writes of the fake store mark nothing here, as the store's do in a chat of more than db.MaxGuardedMembers.
func TestWhoJoinsOrLeavesABigChatSeesItAtOnce(t *testing.T) {
	t.Parallel()
	store := newFakeStore()
	addr := newRedis(t).Addr()
	writer, reader := newRig(t, store, addr, GuardOptions{}, Options{}), newRig(t, store, addr, GuardOptions{}, Options{})
	crowd := []string{"owner"}
	for i := range db.MaxGuardedMembers {
		crowd = append(crowd, fmt.Sprint("user", i))
	}
	chat := store.newChat(crowd...)
	for _, step := range []struct {
		reason string
		do     func() (*db.Event, error)
		chats  int
	}{
		{"added", func() (*db.Event, error) { return writer.cache.AddMember(t.Context(), "owner", chat.ID, "ann") }, 1},
		{"removed", func() (*db.Event, error) { return writer.cache.RemoveMember(t.Context(), "owner", chat.ID, "ann") }, 0},
		{"added again", func() (*db.Event, error) { return writer.cache.AddMember(t.Context(), "owner", chat.ID, "ann") }, 1},
		{"left", func() (*db.Event, error) { return writer.cache.LeaveChat(t.Context(), "ann", chat.ID) }, 0},
	} {
		reader.list(t, "ann") // is cached
		// Another read has its snapshot from before the write, and would fill it after.
		g, done := newGate(), make(chan error, 1)
		slow := newRig(t, store, addr, GuardOptions{}, Options{})
		slow.guard.link.client.Del(t.Context(), slow.guard.keys.list("ann"))
		go func() {
			_, err := slow.cache.Chats(g.in(t.Context()), "ann", nil, db.Page{Limit: db.ChatPage})
			done <- err
		}()
		<-g.reached
		if _, err := step.do(); err != nil {
			t.Fatal(err)
		}
		close(g.pass)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if got := len(reader.list(t, "ann").Chats); got != step.chats {
			t.Errorf("%s: the list shows %d chats, want %d", step.reason, got, step.chats)
		}
	}
}
