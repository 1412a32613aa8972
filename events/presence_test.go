package events

import (
	"testing"
	"testing/synctest"

	"studychat/db"
)

func TestPassingEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo, bus := newFakeLog(), NewMemoryBus()
		h := startHub(t, repo, bus)
		repo.create(chatA, "ann", "bob")
		s := follow(t, h, "bob", chatA, -1)
		h.Typing(t.Context(), "ann", chatA, true)
		sleep(1)
		h.Typing(t.Context(), "ann", chatA, false)
		publish(bus, repo.send(chatA, "ann", "hi"))
		publishPassing(t.Context(), bus, Passing{Kind: MessagesRead, ChatID: chatA, User: "bob", At: now(), ReadSeq: 2})
		item, err := s.Next(t.Context())
		if err != nil || item.Event == nil {
			t.Fatalf("durable events come first: %+v, %v", item, err)
		}
		if item, err = s.Next(t.Context()); err != nil || item.Passing == nil || item.Passing.On || place(item.Cursor) != "1.2" {
			t.Fatalf("want the newest typing event alone, with the cursor of the last durable event: %+v, %v", item, err)
		}
		expect(t, s, "READ:bob NOTHING")
		expect(t, follow(t, h, "bob", chatA, -1), "NOTHING") // passing events are never replayed
	})
}

func TestPresence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo := newFakeLog()
		h := startHub(t, repo, NewMemoryBus())
		repo.create(chatA, "ann", "bob")
		chat := []*db.Chat{{ID: chatA, Members: []*db.Member{{UserID: "ann"}, {UserID: "bob"}, {UserID: "cid"}}}}
		online := func(want ...string) {
			t.Helper()
			got, err := h.Online(t.Context(), chat)
			if err != nil || len(got[chatA]) != len(want) {
				t.Fatalf("online: %v, %v; want %v", got, err, want)
			}
			for i := range want {
				if got[chatA][i] != want[i] {
					t.Fatalf("online: %v, want %v", got[chatA], want)
				}
			}
		}
		online()
		s := follow(t, h, "ann", chatA, -1)
		one := follow(t, h, "bob", chatA, -1)
		expect(t, s, "PRESENCE:bob")
		online("ann", "bob")
		two := follow(t, h, "bob", chatA, -1)
		one.Close()
		expect(t, s, "NOTHING") // bob is still there
		f := feed(t, h, "bob", nil)
		expect(t, s, "PRESENCE:bob")
		two.Close()
		online("ann", "bob") // by the feed
		expect(t, s, "NOTHING")
		f.Close()
		item, err := s.Next(t.Context())
		if err != nil || item.Passing == nil || item.Passing.On {
			t.Fatalf("want bob gone: %+v, %v", item, err)
		}
		online("ann")
	})
}
