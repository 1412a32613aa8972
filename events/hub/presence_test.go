package hub

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"studychat/db"
	"studychat/events"
)

func TestEphemeralEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo, bus := newFakeLog(), events.NewMemoryBus()
		h := startHub(t, repo, bus)
		repo.create(chatA, "ann", "bob")
		s := follow(t, h, "bob", chatA, -1)
		h.Typing(t.Context(), "ann", chatA, true)
		sleep(1)
		h.Typing(t.Context(), "ann", chatA, false)
		publish(bus, repo.send(chatA, "ann", "hi"))
		events.PublishEphemeral(t.Context(), bus, events.Ephemeral{Kind: events.MessagesRead, ChatID: chatA, User: "bob", At: now(), ReadSeq: 2})
		item, err := s.Next(t.Context())
		if err != nil || item.Event == nil {
			t.Fatalf("durable events come first: %+v, %v", item, err)
		}
		if item, err = s.Next(t.Context()); err != nil || item.Ephemeral == nil || item.Ephemeral.On || place(item.Cursor) != "1.2" {
			t.Fatalf("want the newest typing event alone, with the cursor of the last durable event: %+v, %v", item, err)
		}
		expect(t, s, "READ:bob NOTHING")
		expect(t, follow(t, h, "bob", chatA, -1), "NOTHING") // ephemeral events are never replayed
	})
}

func TestPresence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo := newFakeLog()
		h := startHub(t, repo, events.NewMemoryBus())
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
		if err != nil || item.Ephemeral == nil || item.Ephemeral.On {
			t.Fatalf("want bob gone: %+v, %v", item, err)
		}
		online("ann")
	})
}

// presenceTold reads what a stream tells of the presence of a user until nothing comes for a minute: "+" and "-".
func presenceTold(t *testing.T, s events.Stream, user string) string {
	t.Helper()
	told := ""
	for {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		item, err := s.Next(ctx)
		cancel()
		switch {
		case err != nil:
			return told
		case item.Ephemeral == nil || item.Ephemeral.Kind != events.PresenceChanged || item.Ephemeral.User != user:
		case item.Ephemeral.On:
			told += "+"
		default:
			told += "-"
		}
	}
}

// TestPresenceFollowsMembership: in every order of opening, joining, leaving and closing, a chat is told when a member comes
// online or goes offline, and nothing about users who are not members.
func TestPresenceFollowsMembership(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason string
		do     func(w *presenceWorld)
		want   string
	}{
		{"joins while the feed is open, then closes it", func(w *presenceWorld) {
			s := w.feed()
			w.join()
			w.run(s)
			s.Close()
		}, "+-"},
		{"joins, opens the feed, closes it", func(w *presenceWorld) {
			w.join()
			w.feed().Close()
		}, "+-"},
		{"joins while the feed is open, follows the chat too, leaves its page, then closes the feed", func(w *presenceWorld) {
			s := w.feed()
			w.join()
			w.run(s)
			w.chat().Close()
			s.Close()
		}, "+-"}, // of two equal events that nobody read in between, the newest is told
		{"opens the feed, is removed, closes the feed", func(w *presenceWorld) {
			w.join()
			s := w.feed()
			w.leave()
			w.run(s)
			s.Close()
		}, "+"},
		{"follows the chat, is removed, and the stream ends", func(w *presenceWorld) {
			w.join()
			s := w.chat()
			w.leave()
			w.run(s)
			s.Close()
		}, "+"},
		{"is removed and comes back while the feed is open", func(w *presenceWorld) {
			w.join()
			s := w.feed()
			w.leave()
			w.run(s)
			w.join()
			w.run(s)
			s.Close()
		}, "++-"},
		{"closes the feed while the chat is followed", func(w *presenceWorld) {
			w.join()
			s := w.chat()
			w.feed().Close()
			s.Close()
		}, "+-"},
		{"the removal is not read before the feed closes", func(w *presenceWorld) {
			w.join()
			s := w.feed()
			w.leave()
			s.Close()
		}, "+"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &presenceWorld{t: t, repo: newFakeLog(), bus: events.NewMemoryBus()}
				w.hub = startHub(t, w.repo, w.bus)
				w.repo.create(chatA, "ann")
				w.ann = follow(t, w.hub, "ann", chatA, -1)
				c.do(w)
				w.see()
				if w.told != c.want {
					t.Errorf("ann was told %q of bob, want %q", w.told, c.want)
				}
			})
		})
	}
}

// presenceWorld has ann, who follows a chat of hers, and bob, who comes and goes.
type presenceWorld struct {
	t    *testing.T
	repo *fakeLog
	bus  events.Bus
	hub  *Hub
	ann  events.Stream
	told string
}

// see notes what ann is told, unless it is what she was told last.
func (w *presenceWorld) see() {
	w.t.Helper()
	for _, what := range presenceTold(w.t, w.ann, "bob") {
		w.told += string(what)
	}
}

func (w *presenceWorld) feed() events.Stream {
	w.t.Helper()
	s := feed(w.t, w.hub, "bob", nil)
	w.see()
	return s
}

func (w *presenceWorld) chat() events.Stream {
	w.t.Helper()
	return follow(w.t, w.hub, "bob", chatA, -1)
}

func (w *presenceWorld) join() {
	publish(w.bus, w.repo.add(chatA, "ann", "bob"))
	w.bus.Publish(w.t.Context(), events.Notification{Topic: events.UserTopic("bob")})
}

func (w *presenceWorld) leave() {
	w.see()
	publish(w.bus, w.repo.remove(chatA, "ann", "bob"))
}

// run reads a stream of bob's until nothing comes, and then what ann is told.
func (w *presenceWorld) run(s events.Stream) {
	w.t.Helper()
	for {
		ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
		_, err := s.Next(ctx)
		cancel()
		if err != nil {
			w.see()
			return
		}
	}
}

// TestPresenceOfManyChats: of a thousand chats the hundred with the latest activity are told.
func TestPresenceOfManyChats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo, bus := newFakeLog(), events.NewMemoryBus()
		h := startHub(t, repo, bus)
		for i := range 1000 {
			repo.create(fmt.Sprint("chat", i), "ann", "bob")
			sleep(time.Second)
		}
		old, newest := follow(t, h, "ann", "chat899", -1), follow(t, h, "ann", "chat900", -1)
		s := feed(t, h, "bob", nil)
		if told := presenceTold(t, newest, "bob"); told != "+" {
			t.Errorf("the hundredth chat is told %q", told)
		}
		if told := presenceTold(t, old, "bob"); told != "" {
			t.Errorf("the next one is told %q", told)
		}
		repo.send("chat899", "ann", "hi") // now it is the other way round
		s.Close()
		if told := presenceTold(t, newest, "bob"); told != "" {
			t.Errorf("a chat that was overtaken is told %q", told)
		}
		if told := presenceTold(t, old, "bob"); told != "-" {
			t.Errorf("the newest chat is told %q", told)
		}
	})
}
