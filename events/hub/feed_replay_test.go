package hub

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"studychat/db"
	"studychat/events"
)

// cutting follows bob's feed over streams that are cut off again and again, each one from the cursor of the last item.
type cutting struct {
	t      *testing.T
	hub    *Hub
	cursor *db.FeedCursor
	events map[string][]int64
	resets map[string]int
	items  int
	cuts   int
}

func newCutting(t *testing.T, h *Hub, cursor *db.FeedCursor) *cutting {
	return &cutting{t: t, hub: h, cursor: cursor, events: map[string][]int64{}, resets: map[string]int{}}
}

// follow takes items for a while and returns whether nothing more came by the end of it.
func (c *cutting) follow(d time.Duration) (quiet bool) {
	c.t.Helper()
	c.cuts++
	ctx, cancel := context.WithTimeout(c.t.Context(), d)
	defer cancel()
	s, err := c.hub.Feed(ctx, "bob", c.cursor)
	if err != nil {
		c.t.Fatal(err)
	}
	defer s.Close()
	last, quiet := map[string]int64{}, false
	for {
		item, err := s.Next(ctx)
		if err != nil {
			return quiet
		}
		quiet = item.Started != nil && c.items > 0
		cursor, err := db.ParseFeedCursor("cursor", item.Cursor, "bob")
		if err != nil {
			c.t.Fatal(err)
		}
		c.cursor = &cursor
		switch {
		case item.Event != nil:
			c.items++
			e := item.Event
			mayJump := e.Kind == db.MemberAdded && e.Member.UserID == "bob" || e.Ends("bob") // of a deleted chat, ends are left
			if before := last[e.ChatID]; before > 0 && e.Seq != before+1 && (!mayJump || e.Seq < before) {
				c.t.Errorf("%s: number %d after %d", e.ChatID, e.Seq, before)
			}
			last[e.ChatID] = e.Seq
			c.events[e.ChatID] = append(c.events[e.ChatID], e.Seq)
		case item.Reset != nil:
			c.items++
			c.resets[item.Reset.ChatID]++
		}
	}
}

// untilQuiet follows until a whole stream has brought nothing.
func (c *cutting) untilQuiet(d time.Duration, most int) {
	c.t.Helper()
	for !c.follow(d) {
		if c.cuts > most {
			c.t.Fatalf("after %d cuts the feed is at %+v", c.cuts, c.cursor)
		}
	}
}

func chatName(i int) string { return fmt.Sprintf("chat%04d", i) }

// TestFeedReplayGetsToItsEnd cuts feeds off each 100 ms, which is time for about ten chats or two thousand events.
func TestFeedReplayGetsToItsEnd(t *testing.T) {
	t.Parallel()
	const chats = 200
	for _, c := range []struct {
		reason string
		do     func(f *fakeLog)
		events int
	}{
		{"many chats were deleted", func(f *fakeLog) {
			for i := range chats {
				f.delete(chatName(i), "ann")
			}
		}, chats},
		{"bob was removed from many chats", func(f *fakeLog) {
			for i := range chats {
				f.remove(chatName(i), "ann", "bob")
				f.send(chatName(i), "ann", "not for bob")
			}
		}, chats},
		{"much was said in one chat", func(f *fakeLog) {
			for range 5000 {
				f.send(chatName(7), "ann", "hi")
			}
		}, 5000},
		{"some of everything", func(f *fakeLog) {
			for i := range chats {
				switch i % 4 {
				case 0:
					f.delete(chatName(i), "ann")
				case 1:
					f.remove(chatName(i), "ann", "bob")
				case 2:
					f.remove(chatName(i), "ann", "bob")
					f.add(chatName(i), "ann", "bob")
				}
				f.send(chatName(i), "ann", "hi")
			}
		}, chats / 4 * (1 + 1 + 3 + 1)},
	} {
		for _, ago := range []time.Duration{0, time.Hour} {
			t.Run(fmt.Sprint(c.reason, " ", ago, " ago"), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					repo := newFakeLog()
					for i := range chats {
						repo.create(chatName(i), "ann", "bob")
					}
					sleep(time.Hour)
					cursor := &db.FeedCursor{User: "bob", Epoch: 1, At: now()}
					sleep(time.Minute)
					c.do(repo)
					sleep(ago)
					repo.beforeReads(func(context.Context, string) error { sleep(4 * time.Millisecond); return nil })
					follower := newCutting(t, startHub(t, repo, events.NewMemoryBus()), cursor)
					follower.untilQuiet(100*time.Millisecond, 200)
					told := 0
					for chat, seqs := range follower.events {
						slices.Sort(seqs)
						seqs = slices.Compact(seqs)
						told += len(seqs)
						if repo.chats[chat].members["bob"] > 0 && repo.chats[chat].deleted == nil && seqs[len(seqs)-1] != repo.headSeq(chat) {
							t.Errorf("%s was told %v of %d", chat, seqs, repo.headSeq(chat))
						}
					}
					if told != c.events || len(follower.resets) > 0 {
						t.Errorf("%d events were told, want %d; and resets of %d chats", told, c.events, len(follower.resets))
					}
					if repeats := follower.items - told; ago > 0 && repeats > 0 {
						t.Errorf("%d items were repeated", repeats)
					}
					t.Logf("%d events in %d items over %d cuts", told, follower.items, follower.cuts)
				})
			})
		}
	}
}

// TestFeedReplayWhileOthersWrite: all that bob may see arrives, although chats that are told change again and again, others end, and
// the horizon of each stream is another.
func TestFeedReplayWhileOthersWrite(t *testing.T) {
	t.Parallel()
	for seed := range uint64(10) {
		t.Run(fmt.Sprint("seed", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				dice := rand.New(rand.NewPCG(seed, 31))
				repo := newFakeLog()
				const chats = 100
				for i := range chats {
					repo.create(chatName(i), "ann", "bob")
				}
				sleep(time.Hour)
				cursor := &db.FeedCursor{User: "bob", Epoch: 1, At: now()}
				sleep(time.Minute)
				for i := range chats {
					for range dice.IntN(5) {
						repo.send(chatName(i), "ann", "hi")
					}
				}
				repo.beforeReads(func(context.Context, string) error { sleep(2 * time.Millisecond); return nil })
				repo.behind = time.Duration(dice.IntN(4)) * time.Second
				repo.lag = func() time.Duration { return repo.behind / 2 }
				follower := newCutting(t, startHub(t, repo, events.NewMemoryBus()), cursor)
				writing, stop := context.WithCancel(t.Context())
				over := make(chan struct{})
				go func() {
					defer close(over)
					dice := rand.New(rand.NewPCG(seed, 32))
					for writing.Err() == nil {
						repo.anything(dice, chatName(dice.IntN(chats)))
						sleep(time.Duration(dice.IntN(20)) * time.Millisecond)
					}
				}()
				for range 100 + dice.IntN(100) {
					follower.follow(time.Duration(30+dice.IntN(120)) * time.Millisecond)
				}
				stop()
				<-over
				follower.untilQuiet(time.Minute, 1000)
				for i := range chats {
					repo.expectTold(t, "bob", chatName(i), follower.events[chatName(i)])
				}
			})
		})
	}
}

// anything does something to the chat.
func (f *fakeLog) anything(dice *rand.Rand, chat string) {
	member := f.chats[chat].members["bob"] > 0
	switch n := dice.IntN(20); {
	case n < 15 && n >= 12 && member:
		f.remove(chat, "ann", "bob")
	case n < 19 && n >= 12 && !member:
		f.add(chat, "ann", "bob")
	case n < 19:
		f.send(chat, "ann", "hi")
	default:
		f.delete(chat, "ann")
	}
}

// expectTold expects that all of the user's memberships after the chat's first event were told, in any number of repeats.
func (f *fakeLog) expectTold(t *testing.T, user, chatID string, got []int64) {
	t.Helper()
	c := f.chats[chatID]
	member := true
	for _, e := range c.events[1:] {
		member = member || e.Kind == db.MemberAdded && e.Member.UserID == user
		if told := slices.Contains(got, e.Seq); member && !told && (c.deleted == nil || e.Ends(user)) || !member && told {
			t.Errorf("%s %d, %s: told %v, a member %v", chatID, e.Seq, e.Kind, told, member)
		}
		member = member && !e.Ends(user)
	}
}

// TestFeedFromNow tells nothing of before: neither what ended lately, nor what was said lately, nor what was before the viewer came.
func TestFeedFromNow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo, bus := newFakeLog(), events.NewMemoryBus()
		h := startHub(t, repo, bus)
		for _, chat := range []string{"deleted", "left", "back", "busy"} {
			repo.create(chat, "ann", "bob")
		}
		repo.create("joined", "ann")
		sleep(time.Hour)
		repo.delete("deleted", "ann")
		repo.remove("left", "ann", "bob")
		repo.send("left", "ann", "not for bob")
		repo.remove("back", "ann", "bob")
		repo.send("back", "ann", "not for bob")
		repo.send("busy", "ann", "before")
		s := feed(t, h, "bob", nil)
		idle(t, s, time.Minute)
		announce(bus, repo.send("left", "ann", "not for bob"))
		announce(bus, repo.add("back", "ann", "bob"))
		announce(bus, repo.send("busy", "ann", "after"))
		repo.send("joined", "ann", "before")
		announce(bus, repo.add("joined", "ann", "bob"))
		got, _ := collect(t, s)
		slices.Sort(got)
		if want := []string{"back:4", "busy:3", "joined:3"}; !slices.Equal(got, want) {
			t.Errorf("the feed gave %v, want %v", got, want)
		}
	})
}

// TestFeedSaysOnceWhatIsLost: what was pruned is a reset for a cursor of before it, once, and for no other.
func TestFeedSaysOnceWhatIsLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo := newFakeLog()
		const chats = 50
		for i := range chats {
			repo.create(chatName(i), "ann", "bob")
		}
		sleep(time.Hour)
		old := &db.FeedCursor{User: "bob", Epoch: 1, At: now()}
		sleep(time.Hour)
		for i := range chats {
			repo.send(chatName(i), "ann", "pruned")
			repo.send(chatName(i), "ann", "pruned")
		}
		sleep(24 * time.Hour)
		for i := range chats {
			repo.prune(chatName(i), 3)
		}
		between := &db.FeedCursor{User: "bob", Epoch: 1, At: now()}
		sleep(time.Minute)
		for i := range chats {
			repo.send(chatName(i), "ann", "hi")
		}
		repo.beforeReads(func(context.Context, string) error { sleep(time.Millisecond); return nil })
		h := startHub(t, repo, events.NewMemoryBus())
		for cursor, want := range map[*db.FeedCursor]int{old: chats, between: 0} {
			follower := newCutting(t, h, cursor)
			follower.untilQuiet(30*time.Millisecond, 500)
			resets := 0
			for _, n := range follower.resets {
				resets += n
			}
			if resets != want || len(follower.events) != chats {
				t.Errorf("from %v: %d resets, want %d, and events of %d chats", cursor, resets, want, len(follower.events))
			}
			sleep(time.Minute)
		}
	})
}
