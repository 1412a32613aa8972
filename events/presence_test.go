package events

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

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

// presence reads what a stream tells of the presence of a user until nothing comes for a minute: "+" and "-".
func presence(t *testing.T, s Stream, user string) string {
	t.Helper()
	told := ""
	for {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		item, err := s.Next(ctx)
		cancel()
		switch {
		case err != nil:
			return told
		case item.Passing == nil || item.Passing.Kind != PresenceChanged || item.Passing.User != user:
		case item.Passing.On:
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
				w := &presenceWorld{t: t, repo: newFakeLog(), bus: NewMemoryBus()}
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
	bus  Bus
	hub  *Hub
	ann  Stream
	told string
}

// see notes what ann is told, unless it is what she was told last.
func (w *presenceWorld) see() {
	w.t.Helper()
	for _, what := range presence(w.t, w.ann, "bob") {
		w.told += string(what)
	}
}

func (w *presenceWorld) feed() Stream {
	w.t.Helper()
	s := feed(w.t, w.hub, "bob", nil)
	w.see()
	return s
}

func (w *presenceWorld) chat() Stream {
	w.t.Helper()
	return follow(w.t, w.hub, "bob", chatA, -1)
}

func (w *presenceWorld) join() {
	publish(w.bus, w.repo.add(chatA, "ann", "bob"))
	w.bus.Publish(w.t.Context(), Poke{Topic: UserTopic("bob")})
}

func (w *presenceWorld) leave() {
	w.see()
	publish(w.bus, w.repo.remove(chatA, "ann", "bob"))
}

// run reads a stream of bob's until nothing comes, and then what ann is told.
func (w *presenceWorld) run(s Stream) {
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
		repo, bus := newFakeLog(), NewMemoryBus()
		h := startHub(t, repo, bus)
		for i := range 1000 {
			repo.create(fmt.Sprint("chat", i), "ann", "bob")
			sleep(time.Second)
		}
		old, newest := follow(t, h, "ann", "chat899", -1), follow(t, h, "ann", "chat900", -1)
		s := feed(t, h, "bob", nil)
		if told := presence(t, newest, "bob"); told != "+" {
			t.Errorf("the hundredth chat is told %q", told)
		}
		if told := presence(t, old, "bob"); told != "" {
			t.Errorf("the next one is told %q", told)
		}
		repo.send("chat899", "ann", "hi") // now it is the other way round
		s.Close()
		if told := presence(t, newest, "bob"); told != "" {
			t.Errorf("a chat that was overtaken is told %q", told)
		}
		if told := presence(t, old, "bob"); told != "-" {
			t.Errorf("the newest chat is told %q", told)
		}
	})
}
