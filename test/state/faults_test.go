package state

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"studychat/db"
	"studychat/events"
)

// faults is what goes wrong between the parts of every instance, in both worlds: each part is wrapped.
type faults struct {
	unit  time.Duration // the scale of delays: a millisecond in memory, where time is free
	calm  atomic.Bool   // there are no more faults
	tasks sync.WaitGroup
}

// fate is what happens to one write. It travels in the context.
type fate struct {
	dies     bool          // after COMMIT: neither finish nor publish
	slow     time.Duration // between mark and COMMIT, with the row locked
	rollback bool          // at COMMIT; in memory alone
	unknown  bool          // committed, but the writer does not know; in memory alone

	committed func(*db.Event) // told of the commit; in memory alone
	marking   atomic.Bool     // Mark is under way
	failed    atomic.Bool     // a mark's request has failed: one a write, since two may show (promised only for one)
}

type fateKey struct{}

func (f *fate) in(ctx context.Context) context.Context { return context.WithValue(ctx, fateKey{}, f) }

func fateOf(ctx context.Context) *fate {
	if f, ok := ctx.Value(fateKey{}).(*fate); ok {
		return f
	}
	return new(fate)
}

// faultyGuard delays the steps of writes, and lets writers die before finish.
type faultyGuard struct {
	db.WriteGuard
	faults *faults
	dice   *dice
}

func (g faultyGuard) Mark(ctx context.Context, writes ...db.Write) func(db.Outcome) {
	fate := fateOf(ctx)
	background := context.WithoutCancel(ctx)
	fate.marking.Store(true)
	finish := g.WriteGuard.Mark(ctx, writes...)
	fate.marking.Store(false)
	_ = pause(background, fate.slow)
	return func(outcome db.Outcome) {
		if fate.dies {
			return
		}
		_ = pause(background, g.dice.upTo(3*g.faults.unit))
		finish(outcome)
	}
}

// faultyReads delays what hub and cache read from the store, before and after the snapshot, and lets the hub's reads fail. Its
// clock is measured badly, and what it knows of the horizon is old.
type faultyReads struct {
	db.Repository
	faults *faults
	dice   *dice
	clock  *badClock
}

// badClock is an instance's wrong idea of the database's time.
type badClock struct {
	off time.Duration

	mu      sync.Mutex
	next    time.Time // when the horizon is asked for again
	horizon time.Time
}

// clockError is the largest error of a clock: half of the longest round trip.
const clockError = 900 * time.Millisecond

func newBadClock(d *dice) *badClock { return &badClock{off: d.upTo(2*clockError) - clockError} }

func (r faultyReads) Now() time.Time { return r.Repository.Now().Add(r.clock.off) }

func (r faultyReads) Horizon() time.Time {
	r.clock.mu.Lock()
	defer r.clock.mu.Unlock()
	if time.Now().After(r.clock.next) {
		r.clock.horizon = r.Repository.Horizon()
		r.clock.next = time.Now().Add(r.dice.upTo(2000 * r.faults.unit))
	}
	return r.clock.horizon
}

func (r faultyReads) before(ctx context.Context, failing bool) error {
	if r.faults.calm.Load() {
		return nil
	}
	if err := pause(ctx, r.dice.upTo(10*r.faults.unit)); err != nil {
		return db.Unavailable(err)
	}
	if failing && r.dice.chance(.1) {
		return errInjected
	}
	return nil
}

// after holds back what was read, now and then longer than a lease lasts.
func (r faultyReads) after(ctx context.Context, longest time.Duration) {
	if r.faults.calm.Load() {
		return
	}
	d := r.dice.upTo(20 * r.faults.unit)
	if r.dice.chance(.03) {
		d = r.dice.upTo(longest)
	}
	_ = pause(ctx, d)
}

func (r faultyReads) Chat(ctx context.Context, viewer, id string) (*db.Chat, error) {
	if err := r.before(ctx, false); err != nil {
		return nil, err
	}
	defer r.after(ctx, 3000*r.faults.unit)
	return r.Repository.Chat(ctx, viewer, id)
}

func (r faultyReads) Chats(ctx context.Context, viewer string, module *string, page db.Page) (*db.ChatList, error) {
	if err := r.before(ctx, false); err != nil {
		return nil, err
	}
	defer r.after(ctx, 3000*r.faults.unit)
	return r.Repository.Chats(ctx, viewer, module, page)
}

func (r faultyReads) Head(ctx context.Context, viewer, chatID string) (db.Head, error) {
	if err := r.before(ctx, true); err != nil {
		return db.Head{}, err
	}
	defer r.after(ctx, 300*r.faults.unit)
	return r.Repository.Head(ctx, viewer, chatID)
}

func (r faultyReads) Standing(ctx context.Context, viewer, chatID string, place db.FeedPlace) (*db.Standing, error) {
	if err := r.before(ctx, true); err != nil {
		return nil, err
	}
	defer r.after(ctx, 300*r.faults.unit)
	return r.Repository.Standing(ctx, viewer, chatID, place)
}

func (r faultyReads) FeedHeads(ctx context.Context, viewer string, since *time.Time) ([]db.Head, error) {
	if err := r.before(ctx, true); err != nil {
		return nil, err
	}
	defer r.after(ctx, 300*r.faults.unit)
	return r.Repository.FeedHeads(ctx, viewer, since)
}

func (r faultyReads) FeedStart(ctx context.Context, viewer string, since time.Time) ([]db.Head, error) {
	if err := r.before(ctx, true); err != nil {
		return nil, err
	}
	defer r.after(ctx, 300*r.faults.unit)
	return r.Repository.FeedStart(ctx, viewer, since)
}

func (r faultyReads) Heads(ctx context.Context, chatIDs []string) ([]db.Head, error) {
	if err := r.before(ctx, true); err != nil {
		return nil, err
	}
	defer r.after(ctx, 300*r.faults.unit)
	return r.Repository.Heads(ctx, chatIDs)
}

func (r faultyReads) Changes(ctx context.Context, since time.Time, limit int) (db.Changes, error) {
	if err := r.before(ctx, true); err != nil {
		return db.Changes{}, err
	}
	defer r.after(ctx, 300*r.faults.unit)
	return r.Repository.Changes(ctx, since, limit)
}

func (r faultyReads) Log(ctx context.Context, chatID string, after int64, limit int) (*db.Log, error) {
	if err := r.before(ctx, true); err != nil {
		return nil, err
	}
	defer r.after(ctx, 300*r.faults.unit)
	return r.Repository.Log(ctx, chatID, after, limit)
}

// lossyBus loses, doubles, delays and reorders notifications, and takes the event out of some.
type lossyBus struct {
	events.Bus
	faults *faults
	dice   *dice
	line   *line
	sink   events.Sink
}

func (b *lossyBus) Start(ctx context.Context, sink events.Sink) error {
	b.sink = sink
	return b.Bus.Start(ctx, lossySink{sink, b})
}

// Publish is late, as if other writers of the process had overtaken this one after COMMIT. It keeps what the contract promises
// for its own process.
func (b *lossyBus) Publish(ctx context.Context, notification events.Notification) {
	_ = pause(ctx, b.dice.upTo(3*b.faults.unit))
	b.sink.Notified(notification)
	if !b.line.parted.Load() {
		b.Bus.Publish(ctx, notification)
	}
}

type lossySink struct {
	events.Sink
	bus *lossyBus
}

func (s lossySink) Notified(notification events.Notification) {
	d, f := s.bus.dice, s.bus.faults
	if s.bus.line.parted.Load() {
		return
	}
	if f.calm.Load() {
		s.Sink.Notified(notification)
		return
	}
	copies := []int{0, 0, 1, 1, 1, 1, 1, 1, 2, 2}[d.n(10)]
	for range copies {
		if d.chance(.2) {
			notification.Event = nil
		}
		if !d.chance(.3) {
			s.Sink.Notified(notification)
			continue
		}
		late := notification
		f.tasks.Go(func() {
			_ = pause(context.Background(), d.upTo(400*f.unit))
			s.Sink.Notified(late)
		})
	}
}
