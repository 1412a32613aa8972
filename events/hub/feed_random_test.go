package hub

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"studychat/db"
	"studychat/events"
)

// feedSeeds is how many runs the random test makes; each prints its seed by its name. The streams of single chats have
// theirs in statetest, with the cache and the store.
const feedSeeds = 50

// TestFeedRandom lets a user follow their feed over two instances while notifications get lost, doubled, late and bare, the
// database fails and stalls, and the bus comes and goes; for minutes rather than seconds, so that the watermark moves and
// old cursors lie behind the overlap. Chats come, bob joins and leaves. Everything that bob may see arrives at least
// once, and nothing of after his removal.
func TestFeedRandom(t *testing.T) {
	t.Parallel()
	for seed := range uint64(feedSeeds) {
		t.Run(fmt.Sprint("seed", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, seed)
				w.runFeed()
				for _, p := range w.problems {
					t.Error(p)
				}
			})
		})
	}
}

func (w *world) runFeed() {
	w.repo.behind = 28 * time.Second
	w.repo.lag = func() time.Duration { return time.Duration(w.random(int(w.repo.behind))) }
	var writers sync.WaitGroup
	opened := make(chan struct{})
	got := make(chan map[string]map[int64]bool)
	go func() { got <- w.followFeed("bob", opened) }()
	<-opened
	from := map[string]int64{} // what was there before the feed began need not arrive
	for _, chat := range w.chats {
		from[chat] = w.repo.headSeq(chat)
	}
	for _, chat := range w.chats {
		writers.Go(func() { w.writeSlowly(chat, 100) })
	}
	writers.Go(w.shakeBuses)
	removed := make(chan int64, 1)
	writers.Go(func() { removed <- w.comeAndGo() })
	writers.Wait()
	close(w.calm)
	seen := <-got
	w.net.tasks.Wait()

	for _, chat := range append(w.chats, "late") {
		for seq := from[chat] + 1; seq <= w.repo.headSeq(chat); seq++ {
			if !seen[chat][seq] {
				w.problem("%s: event %d of %d is missing", chat, seq, w.repo.headSeq(chat))
			}
		}
	}
	last := <-removed
	for seq := range seen["visited"] {
		if seq > last {
			w.problem("event %d was seen after the removal with %d", seq, last)
		}
	}
	if !seen["visited"][last] {
		w.problem("the removal was not seen")
	}
}

func (w *world) writeSlowly(chat string, n int) {
	for range n {
		sleep(time.Duration(w.random(4000)) * time.Millisecond)
		event := w.repo.send(chat, "ann", "hi")
		if w.chance(.8) {
			publish(w.buses[w.random(2)], event)
		}
	}
}

// comeAndGo creates a chat with bob, and one that bob visits for a while. It returns the number of his removal.
func (w *world) comeAndGo() int64 {
	say := func(event *db.Event) {
		if w.chance(.7) { // user topics are notified and lost alike
			publish(w.buses[0], event)
			w.buses[0].Publish(context.Background(), events.Notification{Topic: events.UserTopic("bob")})
		}
	}
	pause := func() { sleep(time.Duration(w.random(40)) * time.Second) }
	pause()
	say(w.repo.create("late", "ann", "bob"))
	say(w.repo.create("visited", "ann"))
	pause()
	say(w.repo.add("visited", "ann", "bob"))
	w.writeSlowly("visited", 10)
	removal := w.repo.remove("visited", "ann", "bob")
	say(removal)
	w.writeSlowly("visited", 10)
	w.writeSlowly("late", 10)
	return removal.Seq
}

// followFeed follows the feed over many streams, the next one on some instance from the last cursor, until nothing has come for
// long after the calm. It returns what was seen.
func (w *world) followFeed(viewer string, opened chan struct{}) map[string]map[int64]bool {
	seen := map[string]map[int64]bool{}
	var cursor *db.FeedCursor
	for quiet := false; !quiet; {
		s, err := w.hubs[w.random(2)].Feed(w.t.Context(), viewer, cursor)
		if err != nil {
			if !errors.Is(err, errFake) {
				w.problem("subscribing: %v", err)
			}
			sleep(50 * time.Millisecond)
			continue
		}
		first := cursor == nil
		cursor = w.feedStarts(s, viewer, cursor)
		if first {
			close(opened)
		}
		quiet = w.oneFeed(s, cursor, seen)
		s.Close()
		sleep(time.Duration(w.random(3000)) * time.Millisecond) // away
	}
	return seen
}

// feedStarts takes the first item of a feed, which says from where it goes on: from the cursor, if there is one.
func (w *world) feedStarts(s events.Stream, viewer string, after *db.FeedCursor) *db.FeedCursor {
	item, err := s.Next(w.t.Context())
	if err != nil || item.Started == nil || item.Started.Resumed != (after != nil) || after != nil && item.Cursor != after.String() {
		w.problem("after %v a feed begins with %+v, %v", after, item, err)
	}
	cursor, err := db.ParseFeedCursor("cursor", item.Cursor, viewer)
	if err != nil {
		w.problem("%v", err)
	}
	return &cursor
}

func (w *world) oneFeed(s events.Stream, cursor *db.FeedCursor, seen map[string]map[int64]bool) (quiet bool) {
	last := map[string]int64{}                          // of this stream
	for n := w.random(300); n >= 0 || w.isCalm(); n-- { // a client that always leaves before the end of the backlog makes no progress
		calm := w.isCalm()
		ctx, cancel := context.WithTimeout(w.t.Context(), 15*time.Second)
		item, err := s.Next(ctx)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			return calm
		}
		if err != nil || item.Reset != nil || item.Started != nil {
			w.problem("item %+v, error %v", item, err)
			return false
		}
		next, err := db.ParseFeedCursor("cursor", item.Cursor, cursor.User)
		if err != nil {
			w.problem("%v", err)
		}
		if next.At.Before(cursor.At) {
			w.problem("the watermark went back by %v", cursor.At.Sub(next.At))
		}
		*cursor = next
		if e := item.Event; e != nil {
			if l := last[e.ChatID]; l > 0 && e.Seq != l+1 {
				w.problem("%s: event %d after %d", e.ChatID, e.Seq, l)
			}
			last[e.ChatID] = e.Seq
			if seen[e.ChatID] == nil {
				seen[e.ChatID] = map[int64]bool{}
			}
			seen[e.ChatID][e.Seq] = true
		}
	}
	return false
}

// world is one run of the random test.
type world struct {
	t      *testing.T
	repo   *fakeLog
	net    *network
	buses  []*networkBus
	hubs   []*Hub
	chats  []string
	calm   chan struct{} // closed when the faults end
	random func(n int) int
	chance func(p float64) bool

	mu       sync.Mutex
	problems []string
}

func newWorld(t *testing.T, seed uint64) *world {
	source := rand.New(rand.NewPCG(seed, 17))
	var lock sync.Mutex
	w := &world{
		t: t, repo: newFakeLog(), calm: make(chan struct{}),
		net: &network{random: rand.New(rand.NewPCG(seed, 23)), lose: .2, double: .2, delay: .3, bare: .2},
		random: func(n int) int {
			lock.Lock()
			defer lock.Unlock()
			return source.IntN(n)
		},
	}
	w.chance = func(p float64) bool { return w.random(1000) < int(p*1000) }
	w.repo.beforeReads(func(context.Context, string) error {
		if w.isCalm() {
			return nil
		}
		sleep(time.Duration(w.random(30)) * time.Millisecond)
		if w.chance(.1) {
			return errFake
		}
		return nil
	})
	for range 2 {
		bus := w.net.bus(events.Healthy)
		w.buses = append(w.buses, bus)
		w.hubs = append(w.hubs, startHub(t, w.repo, bus))
	}
	for i := range 3 {
		id := fmt.Sprint("chat", i)
		w.repo.create(id, "ann", "bob")
		w.chats = append(w.chats, id)
	}
	return w
}

func (w *world) isCalm() bool {
	select {
	case <-w.calm:
		return true
	default:
		return false
	}
}

func (w *world) problem(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.problems = append(w.problems, fmt.Sprintf(format, args...))
}

func (w *world) shakeBuses() {
	for range 6 {
		sleep(time.Duration(w.random(600)) * time.Millisecond)
		bus := w.buses[w.random(2)]
		bus.become(events.Degraded)
		sleep(time.Duration(w.random(600)) * time.Millisecond)
		bus.become(events.Healthy)
	}
}
