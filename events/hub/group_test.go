package hub

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"studychat/db"
	"studychat/events"
)

// groupWorld is a chat with members who follow it together.
type groupWorld struct {
	t    *testing.T
	repo *fakeLog
	bus  events.Bus
	hub  *Hub
}

func newGroupWorld(t *testing.T) *groupWorld {
	w := &groupWorld{t: t, repo: newFakeLog(), bus: events.NewMemoryBus()}
	w.hub = startHub(t, w.repo, w.bus)
	w.repo.create(chatA, "ann", "bob", "cid")
	return w
}

// follow lets the viewer follow the chat from the cursor, or from now on if it is negative. with prepares the subscriber.
func (w *groupWorld) follow(viewer string, after int64, a events.Audience, with ...func(m *sharing)) *sharing {
	w.t.Helper()
	var cursor *db.Cursor
	if after >= 0 {
		cursor = &db.Cursor{ChatID: chatA, Epoch: 1, Seq: after}
	}
	s, err := w.hub.Chat(w.t.Context(), viewer, chatA, cursor)
	if err != nil {
		w.t.Fatal(err)
	}
	m := share(w.t, s, a)
	for _, prepare := range with {
		prepare(m)
	}
	m.Resume()
	w.t.Cleanup(m.leave)
	return m
}

func (w *groupWorld) send(n int) {
	for range n {
		publish(w.bus, w.repo.send(chatA, "ann", "hi"))
	}
}

func TestGroupSharesEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newGroupWorld(t)
		renders := 0
		a := &audience{key: "all", work: func() { renders++ }}
		var members []*sharing
		for _, viewer := range []string{"ann", "bob", "cid", "ann"} {
			members = append(members, w.follow(viewer, -1, a))
			synctest.Wait()
		}
		renders = 0
		before := members[3].shared
		w.send(1)
		synctest.Wait()
		w.hub.Typing(t.Context(), "ann", chatA, true)
		synctest.Wait()
		if renders != 2 {
			t.Errorf("%d renderings of two items for 4 subscribers", renders)
		}
		if got := members[3].shared - before; got != 2 {
			t.Errorf("%d items came by the group", got)
		}
		for _, m := range members {
			m.check(2)
			if !inGroup(m.stream) || m.ephemeral["TYPINGann"] != 1 {
				t.Errorf("in the group: %v; got %v", inGroup(m.stream), m.ephemeral)
			}
		}
		if n := len(w.hub.topic(chatA).groups); n != 1 {
			t.Errorf("%d groups", n)
		}
		for _, m := range members {
			m.leave()
		}
		if w.hub.topic(chatA) != nil {
			t.Error("the topic is left behind")
		}
	})
}

// TestGroupsOfDifferentAudiences: what one audience is shown never reaches another, and a slow one does not hold up others.
func TestGroupsOfDifferentAudiences(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newGroupWorld(t)
		slow := w.follow("ann", -1, &audience{key: "ann", work: func() { sleep(time.Second) }})
		quick := w.follow("bob", -1, &audience{key: "bob"})
		synctest.Wait()
		w.send(3)
		synctest.Wait()
		if quick.at() != 4 || slow.at() != 1 {
			t.Errorf("the quick one is at %d, the slow one at %d", quick.at(), slow.at())
		}
		sleep(10 * time.Second)
		slow.check(4)
		quick.check(4)
	})
}

// TestGroupRefusedOffer: a member without room goes on alone, and comes back.
func TestGroupRefusedOffer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newGroupWorld(t)
		a := &audience{key: "all"}
		refused := 0
		full, other := w.follow("ann", -1, a, func(m *sharing) {
			m.refuses = func() bool {
				if m.at() == 1 { // the presence of the other has come
					return false
				}
				refused++
				return refused == 1
			}
			m.put = func() { sleep(time.Second) }
		}), w.follow("bob", -1, a)
		sleep(10 * time.Second)
		w.send(1)
		synctest.Wait()
		alone := full.alone
		w.send(1)
		synctest.Wait()
		if other.at() != 3 || full.at() != 2 || inGroup(full.stream) {
			t.Errorf("one is at %d, the full one at %d", other.at(), full.at())
		}
		w.send(5)
		sleep(10 * time.Second)
		full.check(8)
		if !inGroup(full.stream) || full.alone != alone+6 || refused != 1 {
			t.Errorf("in the group: %v; %d items alone, %d offers", inGroup(full.stream), full.alone, refused)
		}
		w.send(1)
		synctest.Wait()
		full.check(9)
		other.check(9)
	})
}

// TestGroupRemovedMember: a removal ends exactly the streams of the removed user, with that event.
func TestGroupRemovedMember(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newGroupWorld(t)
		a := &audience{key: "all"}
		bobs := []*sharing{w.follow("bob", -1, a), w.follow("bob", -1, a)}
		ann, cid := w.follow("ann", -1, a), w.follow("cid", -1, a)
		synctest.Wait()
		w.send(1)
		publish(w.bus, w.repo.remove(chatA, "ann", "bob"))
		w.send(1)
		synctest.Wait()
		for _, m := range bobs {
			if !errors.Is(m.err, io.EOF) || m.at() != 3 || m.last.Kind != db.MemberRemoved {
				t.Errorf("ended with %v at %d", m.err, m.at())
			}
			m.check(3)
		}
		for _, m := range []*sharing{ann, cid} {
			m.check(4)
			if m.err != nil || !inGroup(m.stream) {
				t.Errorf("another member's stream: %v", m.err)
			}
		}
		publish(w.bus, w.repo.delete(chatA, "ann"))
		synctest.Wait()
		for _, m := range []*sharing{ann, cid} {
			if !errors.Is(m.err, io.EOF) || m.last.Kind != db.ChatDeleted {
				t.Errorf("ended with %v after %+v", m.err, m.last)
			}
			m.check(5)
		}
	})
}

// TestGroupOlderRemoval: who was removed and is a member again stays: their follower has checked that.
func TestGroupOlderRemoval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newGroupWorld(t)
		w.repo.remove(chatA, "ann", "bob")
		w.repo.add(chatA, "ann", "bob")
		bob := w.follow("bob", 1, &audience{key: "all"})
		synctest.Wait()
		w.send(1)
		synctest.Wait()
		if bob.check(4); bob.err != nil || !inGroup(bob.stream) {
			t.Errorf("ended with %v", bob.err)
		}
	})
}

// TestGroupBehindTheRing: a slow group reads the log once for all members.
func TestGroupBehindTheRing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newGroupWorld(t)
		a := &audience{key: "all", work: func() { sleep(time.Second) }}
		members := []*sharing{w.follow("ann", -1, a), w.follow("bob", -1, a), w.follow("cid", -1, a)}
		synctest.Wait()
		reads := w.repo.count("Log")
		w.send(1)
		synctest.Wait()
		w.send(3 * ringEvents)
		late := w.follow("ann", 700, a) // ahead of the group: it waits until the group is there
		synctest.Wait()
		alone := late.alone
		sleep(time.Minute)
		if late.alone != alone {
			t.Errorf("the group passed a stream that was ahead of it: %d items were delivered alone", late.alone-alone)
		}
		for _, m := range append(members, late) {
			m.check(2 + 3*ringEvents)
			if !inGroup(m.stream) {
				t.Error("a stream was left alone")
			}
		}
		if members[0].alone > 3 {
			t.Errorf("%d items were delivered alone", members[0].alone)
		}
		if n := w.repo.count("Log") - reads; n > 3*ringEvents/readLimit+2 {
			t.Errorf("%d reads of the log", n)
		}
	})
}

// TestGroupCannotRender: if something does not answer, each member waits for itself, and later they meet again.
func TestGroupCannotRender(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newGroupWorld(t)
		up := time.Now().Add(10 * time.Second)
		a := &audience{key: "all", fails: func() bool { return time.Now().Before(up) }}
		one := w.follow("ann", -1, a)
		two := w.follow("bob", -1, a, func(m *sharing) { m.put = func() { sleep(time.Second) } })
		synctest.Wait()
		w.send(2)
		sleep(20 * time.Second)
		for _, m := range []*sharing{one, two} {
			m.check(3)
			if !inGroup(m.stream) {
				t.Error("a stream was left alone")
			}
		}
		shared := two.shared
		w.send(1)
		synctest.Wait()
		if two.check(4); two.shared != shared+1 {
			t.Error("the group did not meet again")
		}
	})
}

// TestGroupReplacedLog: after a restore, every member checks its membership and is reset.
func TestGroupReplacedLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newGroupWorld(t)
		a := &audience{key: "all"}
		ann, bob := w.follow("ann", -1, a), w.follow("bob", -1, a)
		synctest.Wait()
		w.send(3)
		synctest.Wait()
		w.repo.restore(2, true)
		sleep(10 * time.Second)
		for _, m := range []*sharing{ann, bob} {
			if m.check(2); m.resets != 1 || !inGroup(m.stream) {
				t.Errorf("%d resets, in a group: %v", m.resets, inGroup(m.stream))
			}
		}
		w.send(1)
		synctest.Wait()
		ann.check(3)
		bob.check(3)
	})
}

func TestGroupsEndWithTheHub(t *testing.T) {
	t.Parallel()
	for _, round := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newGroupWorld(t)
			a := &audience{key: "all", work: func() { sleep(time.Second) }}
			var members []*sharing
			for range 20 {
				members = append(members, w.follow("ann", -1, a))
			}
			sleep(10 * time.Second)
			if round { // one is under way when the hub stops
				w.send(1)
				synctest.Wait()
			}
			w.hub.Stop()
			synctest.Wait()
			for i, m := range members {
				if !errors.Is(m.err, events.ErrStopped) || inGroup(m.stream) {
					t.Errorf("%d: ended with %v", i, m.err)
				}
			}
		})
	}
}

// TestGroupLeaveDuringARound: Leave waits for an offer that is being made, and nothing is offered after it.
func TestGroupLeaveDuringARound(t *testing.T) {
	t.Parallel()
	w := newGroupWorld(t)
	offered, release := make(chan struct{}), make(chan struct{})
	once := sync.OnceFunc(func() { close(offered); <-release })
	m := w.follow("ann", -1, &audience{key: "all"}, func(m *sharing) { m.refuses = func() bool { once(); return false } })
	for !inGroup(m.stream) {
		runtime.Gosched()
	}
	w.send(1)
	<-offered
	left := make(chan struct{})
	go func() {
		m.leave()
		close(left)
	}()
	for range 1000 { // it has every chance
		runtime.Gosched()
	}
	select {
	case <-left:
		t.Error("Leave returned while an offer was being made")
	default:
	}
	close(release)
	<-left
	w.send(1)
	w.hub.Stop() // waits for the round
	if m.at() != 2 {
		t.Errorf("it is at %d", m.at())
	}
}

// TestGroupLeave: when Leave has returned, nothing is offered any more.
func TestGroupLeave(t *testing.T) {
	t.Parallel()
	w := newGroupWorld(t)
	a := &audience{key: "all"}
	for i := range 50 {
		var members []*sharing
		for range 10 {
			members = append(members, w.follow("ann", -1, a))
		}
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			w.send(20)
		}()
		for _, m := range members {
			m.leave()
		}
		<-sent
		for _, m := range members {
			if len(m.validator.problems) > 0 {
				t.Fatal(fmt.Sprint(i, ": ", m.validator.problems))
			}
		}
	}
}
