package hub

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"studychat/db"
	"studychat/events"
)

func TestHubResets(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason string
		after  db.Cursor
		want   string
	}{
		{"pruned", db.Cursor{ChatID: chatA, Epoch: 1, Seq: 2}, "EXPIRED:1.3 1.4 1.5 NOTHING"},
		{"just at the floor nothing is lost", db.Cursor{ChatID: chatA, Epoch: 1, Seq: 3}, "1.4 1.5 NOTHING"},
		{"at the head there is nothing to tell", db.Cursor{ChatID: chatA, Epoch: 1, Seq: 5}, "NOTHING"},
		{"a number that was never given", db.Cursor{ChatID: chatA, Epoch: 1, Seq: 6}, "AHEAD:1.5 NOTHING"},
		{"an older history", db.Cursor{ChatID: chatA, Epoch: 0, Seq: 4}, "EPOCH:1.5 NOTHING"},
		{"a history that is not known here", db.Cursor{ChatID: chatA, Epoch: 7, Seq: 4}, "EPOCH:1.5 NOTHING"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				repo := newFakeLog()
				h := startHub(t, repo, events.NewMemoryBus())
				repo.create(chatA, "ann")
				for range 4 {
					repo.send(chatA, "ann", "hi")
				}
				repo.prune(chatA, 3)
				s, err := h.Chat(t.Context(), "ann", chatA, &c.after)
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				start := started(t, s)
				if reset := strings.Contains(c.want, ":"); start.Cursor != c.after.String() || start.Started.Resumed == reset {
					t.Errorf("it begins with %+v at %s", start.Started, start.Cursor)
				}
				expect(t, s, c.want)
			})
		})
	}
}

func TestHubLogReplacedUnderAStream(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason   string
		newEpoch bool
		want     string
	}{
		{"restored, with a new epoch", true, "EPOCH:2.2 2.3"},
		{"restored, and nobody raised the epoch", false, "AHEAD:1.2 1.3"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				repo, bus := newFakeLog(), events.NewMemoryBus()
				h := startHub(t, repo, bus)
				repo.create(chatA, "ann")
				s := follow(t, h, "ann", chatA, -1)
				for range 3 {
					publish(bus, repo.send(chatA, "ann", "will be lost"))
				}
				expect(t, s, "1.2 1.3 1.4")
				repo.restore(2, c.newEpoch)
				sleep(time.Second)
				reset, next, _ := strings.Cut(c.want, " ")
				expect(t, s, reset)
				publish(bus, repo.send(chatA, "ann", "another story"))
				expect(t, s, next)
			})
		})
	}
}

func TestHubChatVanishes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo := newFakeLog()
		h := startHub(t, repo, events.NewMemoryBus())
		repo.create(chatA, "ann")
		s := follow(t, h, "ann", chatA, -1)
		repo.mu.Lock()
		delete(repo.chats, chatA)
		repo.mu.Unlock()
		expect(t, s, "NOT_FOUND EOF")
	})
}

func TestHubEnds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason string
		do     func(repo *fakeLog, say func(*db.Event))
		want   string
	}{
		{"removed: nothing after that", func(r *fakeLog, say func(*db.Event)) {
			say(r.remove(chatA, "ann", "bob"))
			say(r.send(chatA, "ann", "secret"))
		}, "1.2 EOF EOF"},
		{"removed, and the notification is lost", func(r *fakeLog, _ func(*db.Event)) {
			r.remove(chatA, "ann", "bob")
			r.send(chatA, "ann", "secret")
		}, "1.2 EOF"},
		{"somebody else is removed", func(r *fakeLog, say func(*db.Event)) {
			say(r.remove(chatA, "ann", "cid"))
		}, "1.2 NOTHING"},
		{"deleted", func(r *fakeLog, say func(*db.Event)) {
			say(r.delete(chatA, "ann"))
		}, "1.2 EOF"},
		{"deleted, and the notification is lost", func(r *fakeLog, _ func(*db.Event)) {
			r.delete(chatA, "ann")
		}, "1.2 EOF"},
		{"deleted behind events that are not kept any more: said, then the end", func(r *fakeLog, _ func(*db.Event)) {
			r.send(chatA, "ann", "hi")
			r.delete(chatA, "ann")
		}, "EXPIRED:1.2 1.3 EOF"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				repo, bus := newFakeLog(), events.NewMemoryBus()
				h := startHub(t, repo, bus)
				repo.create(chatA, "ann", "bob", "cid")
				s := follow(t, h, "bob", chatA, -1)
				c.do(repo, func(e *db.Event) { publish(bus, e) })
				expect(t, s, c.want)
			})
		})
	}
}

func TestHubMembershipInThePast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo, bus := newFakeLog(), events.NewMemoryBus()
		h := startHub(t, repo, bus)
		repo.create(chatA, "ann", "bob")
		repo.remove(chatA, "ann", "bob") // 2
		repo.add(chatA, "ann", "bob")    // 3
		s := follow(t, h, "bob", chatA, 0)
		expect(t, s, "1.1 1.2 1.3")
		publish(bus, repo.remove(chatA, "ann", "bob"))
		expect(t, s, "1.4 EOF")
	})
}

func TestHubDeletedChatIsResumedToItsEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason string
		after  int64
		want   string
	}{
		{"the end alone is missing", 2, "1.3 EOF"},
		{"what is gone is said", 1, "EXPIRED:1.2 1.3 EOF"},
		{"nothing is missing", 3, "EOF"},
		{"more than there ever was", 4, "AHEAD:1.2 1.3 EOF"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				repo := newFakeLog()
				h := startHub(t, repo, events.NewMemoryBus())
				repo.create(chatA, "ann")
				repo.send(chatA, "ann", "hi")
				repo.delete(chatA, "ann")
				expect(t, follow(t, h, "ann", chatA, c.after), c.want)
			})
		})
	}
}

// An internal fault must become a reset that the client sees, never a silent gap: here the log is wrong.
func TestHubAssertsOrder(t *testing.T) {
	t.Parallel()
	repo := newFakeLog()
	h := New(repo, events.NewMemoryBus(), events.NewMemoryRegistry(), discard())
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer h.Stop()
	repo.create(chatA, "ann")
	repo.send(chatA, "ann", "hi")
	repo.send(chatA, "ann", "hi")
	repo.mu.Lock()
	repo.chats[chatA].events[1].Seq = 3 // 1 3 3
	repo.mu.Unlock()
	s := follow(t, h, "ann", chatA, 0)
	expect(t, s, "1.1 EXPIRED:1.2")
}

// A stream that was behind when both its viewer's removal and the pruning of that removal happened used to be reset to the
// floor and go on: the removed member read along. (Found by test/state.)
func TestHubRemovalPrunedUnderASlowStream(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason string
		again  bool // bob is added once more
		want   string
	}{
		{"the reset leads to the removal, and that is the end", false, "EXPIRED:1.5 1.6 EOF"},
		{"a user who is a member again continues after the reset", true, "EXPIRED:1.6 1.7 1.8 NOTHING"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				repo := newFakeLog()
				h := startHub(t, repo, events.NewMemoryBus())
				repo.create(chatA, "ann", "bob")
				for range 4 {
					repo.send(chatA, "ann", "hi")
				}
				s := follow(t, h, "bob", chatA, 1)
				repo.remove(chatA, "ann", "bob")
				if c.again {
					repo.add(chatA, "ann", "bob")
				}
				repo.send(chatA, "ann", "secret")
				repo.prune(chatA, 6)
				expect(t, s, c.want)
			})
		})
	}
}

// An event whose notification was lost and that was pruned before the sweep found it: the topic jumped over it without waking
// anybody, and the stream stood still until the next event. (Found by test/state.)
func TestHubPrunedToItsHead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo := newFakeLog()
		h := startHub(t, repo, events.NewMemoryBus())
		repo.create(chatA, "ann")
		s := follow(t, h, "ann", chatA, 1)
		repo.send(chatA, "ann", "hi")
		repo.prune(chatA, 2)
		expect(t, s, "EXPIRED:1.2 NOTHING")
	})
}

// Two streams that opened while the topic did not know of the new epoch yet: the one whose head came second was taken for
// one of an unknown log, and reset from a cursor that was right. (Found by test/state.)
func TestHubTwoStreamsBringTheNewEpoch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo := newFakeLog()
		h := startHub(t, repo, events.NewMemoryBus())
		repo.create(chatA, "ann")
		repo.send(chatA, "ann", "hi")
		first := follow(t, h, "ann", chatA, 2)
		repo.restore(2, true)
		repo.beforeReads(func(_ context.Context, method string) error {
			if method == "Head" {
				sleep(10 * time.Millisecond) // both are under way before either is back
			}
			return nil
		})
		opened := make(chan events.Stream, 2)
		for range 2 {
			go func() {
				s, err := h.Chat(t.Context(), "ann", chatA, &db.Cursor{ChatID: chatA, Epoch: 2, Seq: 1})
				if err != nil {
					t.Error(err)
				}
				opened <- s
			}()
		}
		for range 2 {
			s := <-opened
			defer s.Close()
			started(t, s)
			expect(t, s, "2.2 NOTHING")
		}
		expect(t, first, "EPOCH:2.2 NOTHING")
	})
}
