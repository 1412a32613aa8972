package cache

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"

	"studychat/db"
)

// The checker takes reads and writes apart into their steps and plays interleavings of them, one step at a time.
// Between any two steps another instance reads. What it holds every read to is linearizability: it sees at least what
// was answered before it began, and never less than an earlier read saw.

// node is an instance under check.
type node struct {
	repo  db.ChatReads
	guard db.WriteGuard
}

// system makes a node of the kind under check on a store. Nodes of one system share Redis keys under the prefix.
type system func(t *testing.T, store *fakeStore, client redis.UniversalClient, prefix string) node

func guarded(t *testing.T, store *fakeStore, client redis.UniversalClient, prefix string) node {
	guard := NewGuard(testHandle(t, client, prefix, tuning{}), GuardOptions{Log: testLog(t)})
	c := New(store, guard, Options{})
	c.fillWait = 1 // nobody fills between two steps
	t.Cleanup(c.Stop)
	return node{repo: c, guard: guard}
}

// actor is a sequence of steps; each step ends before the next begins.
type actor []func()

// stage is one play: a store, a probing instance, and what readers may expect.
type stage struct {
	t        *testing.T
	store    *fakeStore
	client   redis.UniversalClient
	prefix   string
	build    system
	probe    node
	view     func(context.Context, db.ChatReads) (map[string]int64, error) // versions by chat
	answered map[string]int64
	seen     map[string]int64
	fault    string // the first violation
	rowLock  map[string]bool
}

// readChat and readList are what a reader may look at.
func readChat(id string) func(context.Context, db.ChatReads) (map[string]int64, error) {
	return func(ctx context.Context, repo db.ChatReads) (map[string]int64, error) {
		chat, err := repo.Chat(ctx, "ann", id)
		if err != nil {
			return nil, err
		}
		return map[string]int64{id: chat.HeadSeq}, nil
	}
}

func readList(ctx context.Context, repo db.ChatReads) (map[string]int64, error) {
	list, err := repo.Chats(ctx, "ann", nil, db.Page{Limit: db.ChatPage})
	if err != nil {
		return nil, err
	}
	versions := make(map[string]int64)
	for _, chat := range list.Chats {
		versions[chat.ID] = chat.HeadSeq
	}
	return versions, nil
}

func (s *stage) check(who string, got, atLeast map[string]int64) {
	for id, want := range atLeast {
		if got[id] < want && s.fault == "" {
			s.fault = fmt.Sprintf("%s saw version %d, after %d", who, got[id], want)
		}
	}
}

func merge(into, from map[string]int64) {
	for id, v := range from {
		into[id] = max(into[id], v)
	}
}

func copyOf(m map[string]int64) map[string]int64 {
	c := make(map[string]int64, len(m))
	merge(c, m)
	return c
}

// look is a whole read by the probing instance.
func (s *stage) look() {
	want := copyOf(s.answered)
	merge(want, s.seen)
	got, err := s.view(s.t.Context(), s.probe.repo)
	if err != nil {
		s.t.Fatal(err)
	}
	s.check("a reader between two steps", got, want)
	merge(s.seen, got)
}

// reader is a read in two steps: up to its snapshot of the database (or its end, on a hit), and the rest.
func (s *stage) reader() actor {
	n := s.build(s.t, s.store, s.client, s.prefix)
	g := newGate()
	var want, got map[string]int64
	done := make(chan error, 1)
	return actor{
		func() {
			want = copyOf(s.answered)
			merge(want, s.seen)
			go func() {
				versions, err := s.view(g.in(s.t.Context()), n.repo)
				got = versions
				done <- err
			}()
			select {
			case <-g.reached:
			case err := <-done:
				done <- err
			}
		},
		func() {
			close(g.pass)
			if err := <-done; err != nil {
				s.t.Error(err)
			}
			s.check("a slow reader", got, want)
		},
	}
}

// ending is how a write of the check ends.
type ending int

const (
	answers  ending = iota
	rollback        // the database refused it
	dies            // after COMMIT, before finish: nobody was answered
	unknown         // the connection broke at COMMIT, which happened
)

// writer is a write in three steps: mark, COMMIT, finish and answer.
func (s *stage) writer(chatID string, how ending) actor {
	n := s.build(s.t, s.store, s.client, s.prefix)
	var w *write
	return actor{
		func() { w = s.store.begin(s.t.Context(), n.guard, chatID); s.rowLock[chatID] = true },
		func() {
			if how != rollback {
				w.commit()
			}
			s.rowLock[chatID] = false
		},
		func() {
			switch how {
			case answers:
				w.finished(db.Committed)
			case rollback:
				w.finished(db.RolledBack)
				return
			case unknown:
				w.finished(db.Unknown)
			case dies:
			}
			s.answered[chatID] = max(s.answered[chatID], w.next.HeadSeq)
		},
	}
}

// play runs the actors in the given order of turns, and returns the first violation. Turns that the row lock forbids
// are put off.
func (s *stage) play(actors []actor, locks []string, order []int, looks looks) string {
	if looks == early {
		s.look() // fills
		s.look() // from the cache
	}
	for len(order) > 0 {
		i := 0
		for s.blocked(actors[order[i]], locks[order[i]]) {
			i++
		}
		who := order[i]
		order = append(order[:i:i], order[i+1:]...)
		actors[who][0]()
		actors[who] = actors[who][1:]
		if looks == always {
			s.look()
		}
	}
	s.look()
	s.look()
	return s.fault
}

func (s *stage) blocked(a actor, lock string) bool {
	return lock != "" && len(a) == 3 && s.rowLock[lock]
}

// orders calls fn with every order of turns, where actor i has turns[i] of them.
func orders(turns []int, fn func([]int)) {
	var walk func(prefix []int)
	walk = func(prefix []int) {
		end := true
		for i := range turns {
			if turns[i] > 0 {
				end = false
				turns[i]--
				walk(append(prefix, i))
				turns[i]++
			}
		}
		if end {
			fn(slices.Clone(prefix))
		}
	}
	walk(nil)
}

// looks says when the probing instance reads, besides at the end.
type looks int

const (
	late   looks = iota
	always       // between any two steps
	early        // before the first step: what it keeps in memory is old afterwards
)

// cast says who acts in a play.
type cast struct {
	name    string
	readers int
	writers []ending
	lists   bool // two chats with a common member, whose list is read; else one chat
	sample  int  // how many of the orders are played; 0 = all
}

var casts = []cast{
	{name: "one writer", readers: 1, writers: []ending{answers}},
	{name: "one writer rolls back", readers: 1, writers: []ending{rollback}},
	{name: "one writer with unknown outcome", readers: 1, writers: []ending{unknown}},
	{name: "one writer dies", readers: 1, writers: []ending{dies}},
	{name: "two readers", readers: 2, writers: []ending{answers}},
	{name: "two writers in turn", readers: 1, writers: []ending{answers, answers}},
	{name: "two writers of two chats on one list", readers: 1, writers: []ending{answers, answers}, lists: true},
	{name: "two writers of two chats on one list, one dies", readers: 1, writers: []ending{dies, answers}, lists: true},
	{name: "two writers of two chats on one list, one rolls back", readers: 2, writers: []ending{rollback, answers}, lists: true, sample: 500},
	{name: "three writers, two readers, one list", readers: 2, writers: []ending{answers, dies, unknown}, lists: true, sample: 500},
}

// violations plays a cast and returns how many plays there were, and the violations with their orders.
func violations(t *testing.T, c cast, build system, client redis.UniversalClient) (plays int, found []string) {
	t.Helper()
	if raced {
		t.Skip("one actor moves at a time, so there is no race to detect: make test plays them without the detector")
	}
	turns := []int{}
	for range c.readers {
		turns = append(turns, 2)
	}
	for range c.writers {
		turns = append(turns, 3)
	}
	for i, order := range someOrders(turns, c.sample) {
		for _, looks := range []looks{late, always, early} {
			plays++
			if fault := playOne(t, c, build, client, fmt.Sprintf("%s:%d:%d:", c.name, i, looks), order, looks); fault != "" {
				found = append(found, fmt.Sprintf("%v, looks %d: %s", order, looks, fault))
			}
		}
	}
	return plays, found
}

// someOrders returns all orders of turns, or a sample of them.
func someOrders(turns []int, sample int) (all [][]int) {
	if sample == 0 {
		orders(turns, func(order []int) { all = append(all, order) })
		return all
	}
	var first []int
	for who, n := range turns {
		for range n {
			first = append(first, who)
		}
	}
	for range sample {
		rand.Shuffle(len(first), func(i, j int) { first[i], first[j] = first[j], first[i] })
		all = append(all, slices.Clone(first))
	}
	return all
}

func playOne(t *testing.T, c cast, build system, client redis.UniversalClient, prefix string, order []int, looks looks) string {
	t.Helper()
	store := newFakeStore()
	s := &stage{t: t, store: store, client: client, prefix: prefix, build: build, rowLock: map[string]bool{},
		answered: map[string]int64{}, seen: map[string]int64{}}
	s.probe = build(t, store, client, prefix)
	ids := []string{store.newChat("ann", "bob").ID}
	if s.view = readChat(ids[0]); c.lists {
		s.view = readList
		for range c.writers[1:] {
			ids = append(ids, store.newChat("ann").ID)
		}
	}
	var actors []actor
	var locks []string
	for range c.readers {
		actors, locks = append(actors, s.reader()), append(locks, "")
	}
	for i, how := range c.writers {
		id := ids[i%len(ids)]
		actors, locks = append(actors, s.writer(id, how)), append(locks, id)
	}
	return s.play(actors, locks, order, looks)
}

func TestEveryInterleavingIsLinearizable(t *testing.T) {
	t.Parallel()
	client := dialPatient(t, newRedis(t).Addr())
	for _, c := range casts {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			plays, found := violations(t, c, guarded, client)
			for _, violation := range found {
				t.Error(violation)
			}
			t.Logf("%d plays", plays)
		})
	}
}
