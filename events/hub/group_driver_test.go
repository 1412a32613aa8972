package hub

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"studychat/db"
	"studychat/events"
)

// sharing is one subscriber as package graph is one: it serves its stream until it is level, joins its group, and goes on when
// it has to leave the group. It checks what it gets.
type sharing struct {
	t        *testing.T
	stream   events.Shared
	audience events.Audience
	refuses  func() bool    // whether Offer is refused
	put      func()         // what delivering one item alone takes
	join     func() bool    // Stream.Join, or a broken one
	tasks    sync.WaitGroup // what serves alone
	ctx      context.Context
	stop     context.CancelFunc

	mu        sync.Mutex
	validator validator
	epoch     int64
	stopped   bool
	err       error     // how the stream ended
	last      *db.Event // the last event
	shared    int       // items that came in batches
	alone     int       // items that came by Next, after the first
	resets    int
	ephemeral map[string]int // by kind and user
}

// audience shows everybody the same.
type audience struct {
	key    any
	random func(n int) int // of what is given, so many items are shown, plus one; nil: all
	fails  func() bool     // nothing can be shown now
	work   func()          // what rendering takes
}

func (a *audience) Key() any { return a.key }

func (a *audience) Render(_ context.Context, items []events.Item) (any, int) {
	if a.work != nil {
		a.work()
	}
	n := len(items)
	if a.random != nil {
		n = 1 + a.random(n)
	}
	if a.fails != nil && a.fails() {
		return nil, 0
	}
	return append([]events.Item(nil), items[:n]...), n
}

// share makes the stream one of a group.
func share(t *testing.T, s events.Stream, a events.Audience) *sharing {
	t.Helper()
	shared, ok := s.(events.Shared)
	if !ok {
		t.Fatal("the stream cannot be shared")
	}
	m := &sharing{t: t, stream: shared, audience: a, ephemeral: map[string]int{}}
	m.refuses, m.put = func() bool { return false }, func() {}
	m.join = func() bool { return m.stream.Join(m.audience, m) }
	m.ctx, m.stop = context.WithCancel(context.Background())
	return m
}

func (m *sharing) Resume() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.stopped {
		m.tasks.Go(m.serve)
	}
}

func (m *sharing) serve() {
	for {
		if m.join() {
			return
		}
		item, err := m.stream.Next(m.ctx)
		if err != nil {
			m.mu.Lock()
			m.err = err
			m.mu.Unlock()
			return
		}
		m.put()
		m.got(item, false)
	}
}

func (m *sharing) Offer(batch any) bool {
	if m.refuses() {
		return false
	}
	for _, item := range batch.([]events.Item) {
		m.got(item, true)
	}
	return true
}

func (m *sharing) got(item events.Item, shared bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopped && shared {
		m.validator.problem("an offer after Leave")
	}
	cursor, err := db.ParseCursor("cursor", item.Cursor, chatA)
	if err != nil {
		m.validator.problem("cursor %q", item.Cursor)
	}
	switch {
	case item.Started != nil:
		m.validator.cursor, m.epoch = cursor.Seq, cursor.Epoch
		return
	case item.Reset != nil:
		m.validator.cursor, m.epoch = cursor.Seq, cursor.Epoch
		m.resets++
	case item.Event != nil:
		m.validator.event(item.Event)
		m.last = item.Event
	case item.Ephemeral != nil:
		m.ephemeral[string(item.Ephemeral.Kind)+item.Ephemeral.User]++
	}
	if cursor.Seq != m.validator.cursor || cursor.Epoch != m.epoch {
		m.validator.problem("the cursor %s of %+v, at %d", item.Cursor, item, m.validator.cursor)
	}
	if shared {
		m.shared++
	} else {
		m.alone++
	}
}

// leave ends the subscriber as Subscription.Stop does.
func (m *sharing) leave() {
	m.stop()
	m.stream.Leave()
	m.mu.Lock()
	m.stopped = true
	m.mu.Unlock()
	m.tasks.Wait()
}

// at is how far the subscriber has come.
func (m *sharing) at() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.validator.cursor
}

// check reports what was wrong. head is what the subscriber should have reached, unless its stream ended.
func (m *sharing) check(head int64) {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if !errors.Is(m.err, io.EOF) && m.err == nil {
		m.validator.end(head)
	}
	for _, p := range m.validator.problems {
		m.t.Error(p)
	}
}

// inGroup says whether the stream is in a group now.
func inGroup(s events.Stream) bool {
	shared := s.(*chatStream)
	shared.mu.Lock()
	defer shared.mu.Unlock()
	return shared.group != nil
}

// chance is true with the probability.
func chance(random *rand.Rand, mu *sync.Mutex, p float64) bool {
	mu.Lock()
	defer mu.Unlock()
	return random.Float64() < p
}

// moment is a short while.
func moment(random *rand.Rand, mu *sync.Mutex, most time.Duration) time.Duration {
	mu.Lock()
	defer mu.Unlock()
	return time.Duration(random.Int64N(int64(most)))
}
