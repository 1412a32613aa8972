package hub

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"studychat/db"
	"studychat/events"
)

// farAway makes each read of the database take that long; its snapshot is in the middle.
func (f *fakeLog) farAway(d time.Duration) {
	f.beforeReads(func(context.Context, string) error { sleep(d / 2); return nil })
	f.after = func(string) { sleep(d / 2) }
}

// announce publishes a committed event as the publisher does.
func announce(bus events.Bus, event *db.Event) {
	publish(bus, event)
	if user := event.Joined(); user != "" {
		bus.Publish(context.Background(), events.Notification{Topic: events.UserTopic(user)})
	}
}

// drain reads the feed until the test has nothing more for it, and returns the numbers of each chat as they came. Resets are
// only for chats that were deleted before they were told.
func drain(t *testing.T, s events.Stream, done <-chan struct{}) map[string][]int64 {
	got := map[string][]int64{}
	for over := false; ; {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // longer than any refresh waits
		item, err := s.Next(ctx)
		cancel()
		switch {
		case err == nil && item.Event != nil:
			got[item.Event.ChatID] = append(got[item.Event.ChatID], item.Event.Seq)
		case err == nil && item.Reset != nil:
			got[item.Reset.ChatID] = append(got[item.Reset.ChatID], -1)
		case err != nil && over:
			return got
		}
		select {
		case <-done:
			over = true
		default:
		}
	}
}

// expectMemberships expects the events of each of the user's memberships of the chat, from the number on: its addition first, then
// everything, in order, up to the removal. Of a chat that was deleted before they were told, only the removals and the deletion
// are left.
func (f *fakeLog) expectMemberships(t *testing.T, user, chatID string, from int64, got []int64) {
	t.Helper()
	var want, left []int64
	told, member := 0, false
	for _, e := range f.chats[chatID].events {
		added := e.Kind == db.MemberAdded && e.Member.UserID == user || e.Kind == db.ChatCreated
		if member = member || added; member && e.Seq > from {
			want = append(want, e.Seq)
			switch {
			case told == len(want)-1 && told < len(got) && got[told] == e.Seq:
				told++
				left = append(left, e.Seq)
			case e.Ends(user):
				left = append(left, e.Seq)
			}
		}
		member = member && !e.Ends(user)
	}
	got = slices.DeleteFunc(slices.Clone(got), func(seq int64) bool { return seq < 0 && f.chats[chatID].deleted != nil })
	if f.chats[chatID].deleted != nil && slices.Equal(got, left) {
		return
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s of %s got %v, want %v", user, chatID, got, want)
	}
}

// TestFeedRejoinWhileItRefreshes: somebody is removed from a chat and added again while their feed, which is far from the database,
// asks for what is new to it.
func TestFeedRejoinWhileItRefreshes(t *testing.T) {
	t.Parallel()
	for wait := time.Duration(0); wait < 400*time.Millisecond; wait += 5 * time.Millisecond {
		t.Run(wait.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				repo, bus := newFakeLog(), events.NewMemoryBus()
				h := startHub(t, repo, bus)
				repo.create("chat", "ann", "bob")
				repo.create("other", "ann")
				sleep(time.Hour)
				repo.farAway(50 * time.Millisecond)
				s := feed(t, h, "bob", nil)
				done := make(chan struct{})
				go func() {
					defer close(done)
					sleep(time.Second)
					announce(bus, repo.remove("chat", "ann", "bob"))
					sleep(20 * time.Millisecond) // it is told
					announce(bus, repo.send("chat", "ann", "not for bob"))
					announce(bus, repo.add("other", "ann", "bob"))
					sleep(wait)
					announce(bus, repo.add("chat", "ann", "bob"))
					announce(bus, repo.send("chat", "ann", "for bob"))
				}()
				got := drain(t, s, done)
				repo.expectMemberships(t, "bob", "chat", 1, got["chat"])
				repo.expectMemberships(t, "bob", "other", 1, got["other"])
			})
		})
	}
}

// TestFeedChurn adds bob to chats and removes him, now and then at once, while others write and chats are deleted.
func TestFeedChurn(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("seed", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				dice := rand.New(rand.NewPCG(seed, 5))
				repo, bus := newFakeLog(), events.NewMemoryBus()
				h := startHub(t, repo, bus)
				repo.farAway(time.Duration(dice.IntN(60)) * time.Millisecond)
				s := feed(t, h, "bob", nil)
				var churning sync.WaitGroup
				chats := []string{"one", "two", "three"}
				for i, chat := range chats {
					dice := rand.New(rand.NewPCG(seed, uint64(10+i)))
					churning.Go(func() { repo.churn(dice, bus, chat) })
				}
				done := make(chan struct{})
				go func() { churning.Wait(); close(done) }()
				got := drain(t, s, done)
				for _, chat := range chats {
					repo.expectMemberships(t, "bob", chat, 0, got[chat])
				}
			})
		})
	}
}

func (f *fakeLog) churn(dice *rand.Rand, bus events.Bus, chat string) {
	pause := func() {
		if dice.IntN(3) > 0 {
			sleep(time.Duration(dice.IntN(250)) * time.Millisecond)
		}
	}
	announce(bus, f.create(chat, "bob", "ann")) // bob creates it, so he gets the event, and may be removed here
	for range 20 {
		pause()
		announce(bus, f.remove(chat, "ann", "bob"))
		pause()
		if dice.IntN(2) == 0 {
			announce(bus, f.send(chat, "ann", "not for bob"))
		}
		pause()
		announce(bus, f.add(chat, "ann", "bob"))
		for range dice.IntN(3) {
			pause()
			announce(bus, f.send(chat, "ann", "for bob"))
		}
	}
	if dice.IntN(2) == 0 {
		sleep(time.Minute)
	}
	announce(bus, f.delete(chat, "ann"))
}
