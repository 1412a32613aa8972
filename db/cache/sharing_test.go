package cache

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"studychat/db"
)

func TestAHerdSharesLoads(t *testing.T) {
	t.Parallel()
	store := newFakeStore()
	addr := newRedis(t).Addr()
	patience := Options{LeaseTTL: time.Minute} // the gate may hold the first load for long
	rigs := []*rig{newRig(t, store, addr, tuning{}, patience), newRig(t, store, addr, tuning{}, patience)}
	rigs[1].cache.fillWait = time.Millisecond
	chat := store.newChat("ann")
	g := newGate() // holds the first load until everybody is there
	first := make(chan error, 1)
	go func() { _, err := rigs[0].cache.Chat(g.in(t.Context()), "ann", chat.ID); first <- err }()
	<-g.reached
	const herd = 250
	results := make(chan error, herd)
	for range herd {
		go func() { _, err := rigs[0].cache.Chat(t.Context(), "ann", chat.ID); results <- err }()
	}
	eventually(t, "all wait for the next round", func() bool {
		rigs[0].cache.chats.loads.mu.Lock()
		defer rigs[0].cache.chats.loads.mu.Unlock()
		next := rigs[0].cache.chats.loads.running[rigs[0].guard.link.Names.Keys().Chat(chat.ID)].next
		return next != nil && next.waiters == herd
	})
	rigs[1].chat(t, "ann", chat.ID) // finds a foreign lease: reads, fills nothing
	close(g.pass)
	for range herd {
		if err := <-results; err != nil {
			t.Fatal(err)
		}
	}
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	if n := store.chatReads.Load(); n != 2 {
		t.Errorf("%d loads for %d readers on two instances", n, herd+2)
	}
	if got := rigs[1].guard.Stats(); got.ForeignWaits != 1 || got.Fills != 0 {
		t.Errorf("%+v", got)
	}
}

// Without it each instance reads for itself, and once more for those who come while it does.
func TestAHerdWaitsForTheFillOfAnotherInstance(t *testing.T) {
	t.Parallel()
	store, addr := newFakeStore(), newRedis(t).Addr()
	patience := Options{LeaseTTL: time.Minute} // the gate may hold the load for long
	filler, waiting := newRig(t, store, addr, tuning{}, patience), newRig(t, store, addr, tuning{}, patience)
	waiting.cache.fillWait = time.Minute
	chat := store.newChat("ann")
	g := newGate()
	results := make(chan error, 2)
	read := func(ctx context.Context, r *rig) { _, err := r.cache.Chat(ctx, "ann", chat.ID); results <- err }
	go read(g.in(t.Context()), filler)
	<-g.reached
	go read(t.Context(), waiting)
	looks := 0
	eventually(t, "the other instance looks again and again", func() bool { looks += len(waiting.log.take()); return looks > 5 })
	close(g.pass)
	for range cap(results) {
		if err := <-results; err != nil {
			t.Fatal(err)
		}
	}
	if n := store.chatReads.Load(); n != 1 {
		t.Errorf("%d loads for two instances", n)
	}
}

func TestTheWaitForAFillIsBounded(t *testing.T) {
	t.Parallel()
	store, server := newFakeStore(), newRedis(t)
	r := newRig(t, store, server.Addr(), tuning{}, Options{})
	chat := store.newChat("ann")
	// An instance took the lease, and died.
	if err := dialPatient(t, server.Addr()).Set(t.Context(), r.guard.link.Names.Keys().Chat(chat.ID), "ldead", time.Minute).Err(); err != nil {
		t.Fatal(err)
	}
	r.chat(t, "ann", chat.ID)
	if got := r.guard.Stats(); got.ForeignWaits != 1 || got.Fills != 0 || store.chatReads.Load() != 1 {
		t.Errorf("%+v, %d loads", got, store.chatReads.Load())
	}
}

func TestAStrangersLoadIsNotSharedWithMembers(t *testing.T) {
	t.Parallel()
	store := newFakeStore()
	r := newRig(t, store, newRedis(t).Addr(), tuning{}, Options{})
	chat := store.newChat("ann")
	g := newGate()
	blocker := make(chan error, 1)
	go func() { _, err := r.cache.Chat(g.in(t.Context()), "ann", chat.ID); blocker <- err }()
	<-g.reached
	results := make(chan error, 2)
	read := func(viewer string) {
		_, err := r.cache.Chat(t.Context(), viewer, chat.ID)
		if want := viewer == "eve"; want != (db.CodeOf(err) == db.CodeNotFound) {
			err = fmt.Errorf("%s got %w", viewer, errors.Join(err, errors.New("the other's answer")))
		} else {
			err = nil
		}
		results <- err
	}
	waiting := func(n int) func() bool {
		return func() bool {
			r.cache.chats.loads.mu.Lock()
			defer r.cache.chats.loads.mu.Unlock()
			current := r.cache.chats.loads.running[r.guard.link.Names.Keys().Chat(chat.ID)]
			return current != nil && current.next != nil && current.next.waiters == n
		}
	}
	// The stranger's load is to be the one that is run for both; nothing may have been filled, so that it asks the database.
	go read("eve")
	eventually(t, "the stranger waits", waiting(1))
	go read("ann")
	eventually(t, "the member waits", waiting(2))
	store.send(t.Context(), r.guard, chat.ID)
	close(g.pass)
	for range 2 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if err := <-blocker; err != nil {
		t.Error(err)
	}
}
