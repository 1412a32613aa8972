package events

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"studychat/db"
)

// seeds is how many runs the random test makes; each prints its seed by its name.
const seeds = 150

// TestHubRandom lets two instances follow chats while writers write, pokes get lost, doubled, late and bare, the database
// fails and stalls, the bus comes and goes, and subscribers come, dawdle, leave and come back elsewhere with their
// cursor. Every stream must be complete, ordered and unique all the same.
func TestHubRandom(t *testing.T) {
	t.Parallel()
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint("seed", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, seed)
				w.run()
				for _, p := range w.problems {
					t.Error(p)
				}
				if w.delivered == 0 {
					t.Error("nothing was delivered: the test tested nothing")
				}
			})
		})
	}
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

	mu        sync.Mutex
	problems  []string
	delivered int
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
	w.repo.before = func(context.Context, string) error {
		if w.isCalm() {
			return nil
		}
		sleep(time.Duration(w.random(30)) * time.Millisecond)
		if w.chance(.1) {
			return errFake
		}
		return nil
	}
	for range 2 {
		bus := w.net.bus(Healthy)
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

func (w *world) run() {
	var writers, readers sync.WaitGroup
	for _, chat := range w.chats {
		for range 2 {
			writers.Go(func() { w.write(chat) })
		}
		for range 4 {
			readers.Go(func() { w.subscribe(chat) })
		}
	}
	writers.Go(w.shakeBuses)
	writers.Wait()
	close(w.calm)
	readers.Wait()
	w.net.tasks.Wait()
}

func (w *world) write(chat string) {
	for range 60 {
		sleep(time.Duration(w.random(60)) * time.Millisecond)
		event := w.repo.send(chat, "ann", "hi")
		if w.chance(.05) {
			continue // the writer dies between commit and publish
		}
		sleep(time.Duration(w.random(3)) * time.Millisecond) // commits and pokes swap
		publish(w.buses[w.random(2)], event)
	}
}

func (w *world) shakeBuses() {
	for range 6 {
		sleep(time.Duration(w.random(600)) * time.Millisecond)
		bus := w.buses[w.random(2)]
		bus.become(Degraded)
		sleep(time.Duration(w.random(600)) * time.Millisecond)
		bus.become(Healthy)
	}
}

// subscribe follows the chat as a client does, over several streams, until everything has arrived.
func (w *world) subscribe(chat string) {
	sleep(time.Duration(w.random(1500)) * time.Millisecond)
	v := validator{cursor: int64(w.random(int(w.repo.headSeq(chat)) + 1))}
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) && (!w.isCalm() || v.cursor != w.repo.headSeq(chat)) {
		w.oneStream(chat, &v, deadline)
	}
	v.end(w.repo.headSeq(chat))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.problems = append(w.problems, v.problems...)
}

func (w *world) oneStream(chat string, v *validator, deadline time.Time) {
	ctx, cancel := context.WithDeadline(w.t.Context(), deadline)
	defer cancel()
	s, err := w.hubs[w.random(2)].Chat(ctx, "bob", chat, &db.Cursor{Epoch: 1, Seq: v.cursor})
	if err != nil {
		if !errors.Is(err, errFake) {
			w.problem("subscribing: %v", err)
		}
		sleep(50 * time.Millisecond)
		return
	}
	defer s.Close()
	for n := w.random(80); n >= 0 && (!w.isCalm() || v.cursor != w.repo.headSeq(chat)); n-- {
		patience, giveUp := context.WithTimeout(ctx, time.Second)
		item, err := s.Next(patience)
		giveUp()
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			return // and come back with the cursor
		case err != nil:
			w.problem("Next at %d of %d: %v", v.cursor, w.repo.headSeq(chat), err)
			return
		case item.Reset != nil:
			w.problem("a reset without a reason: %v", item.Reset.Reason)
		case item.Event != nil:
			v.event(item.Event)
			w.mu.Lock()
			w.delivered++
			w.mu.Unlock()
		}
		if w.chance(.05) { // dawdle
			sleep(time.Duration(w.random(300)) * time.Millisecond)
		}
	}
}

// TestValidatorCatchesPlainPubSub is the negative control: a consumer that believes what the network brings, over the
// same network, must be caught by the same validator. If it were not, the test above would prove nothing.
func TestValidatorCatchesPlainPubSub(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo := newFakeLog()
		net := &network{random: rand.New(rand.NewPCG(1, 23)), lose: .2, double: .2, delay: .3}
		from, to := net.bus(Healthy), net.bus(Healthy)
		got := make(plainSink, 1000)
		if err := to.Start(t.Context(), got); err != nil {
			t.Fatal(err)
		}
		repo.create(chatA, "ann")
		for range 100 {
			publish(from, repo.send(chatA, "ann", "hi"))
			sleep(10 * time.Millisecond)
		}
		net.tasks.Wait()
		close(got)
		v := validator{cursor: 1}
		for event := range got {
			v.event(event)
		}
		v.end(repo.headSeq(chatA))
		kinds := []string{"missed", "doubled"}
		for _, kind := range kinds {
			if !slices.ContainsFunc(v.problems, func(p string) bool { return strings.Contains(p, kind) }) {
				t.Errorf("the validator saw nothing %s in a plain Pub/Sub", kind)
			}
		}
	})
}

// plainSink is the naive consumer: whatever arrives is taken for the truth.
type plainSink chan *db.Event

func (s plainSink) Poked(p Poke)       { s <- p.Event }
func (s plainSink) Gap(int)            {}
func (s plainSink) StateChanged(State) {}
