// Package gate admits writes to the connections of a database.
//
// A lock that does not come free costs two connections for as long as the database waits for it, and then at most the few that
// are for such locks, however many writes want it: the others wait here in memory, in order. Reads do not pass the gate, and
// writes leave them some connections.
package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	keyWidth = 2    // writes with one key that have or wait for a connection: one works, one waits for its lock
	keyQueue = 1000 // writes with one key that wait in memory
	gateRoom = 4000 // all writes at the gate that have not ended

	// patience is how long a write waits before may is asked: see Enter.
	patience = time.Second
)

// Key names what a write locks: only writes with the same key wait for each other.
type Key string

// ErrCrowded says that too many writes wait, or that a write has waited for too long.
var ErrCrowded = errors.New("too many writes at the same time")

func waitedInVain(ctx context.Context) error { return fmt.Errorf("%w: %w", ErrCrowded, ctx.Err()) }

// Gate admits writes to a pool of connections.
type Gate struct {
	width int
	slots *semaphore.Weighted // connections that writes may have at the same time
	stuck *semaphore.Weighted // those of the slots that may wait for locks that were not released within the database's limit

	mu   sync.Mutex
	keys map[Key]*waiting
	room int // writes that may still enter
}

// waiting is the writes of one key.
type waiting struct {
	inside int             // at most gate.width
	queue  []chan struct{} // closed when it is the write's turn
	stuck  bool            // the last write that needed the lock did not get it in time
}

// Slots is how many connections of a pool writes may have at the same time. The few others are left to reads.
func Slots(conns int) int { return max(1, conns-max(1, conns/8)) }

// New makes a gate that admits as many writes as there are slots.
func New(slots int) *Gate {
	return &Gate{
		width: max(1, min(keyWidth, slots/2)), // so that the writes of one key never have all slots
		slots: semaphore.NewWeighted(int64(slots)),
		stuck: semaphore.NewWeighted(int64(max(1, slots/4))),
		keys:  map[Key]*waiting{},
		room:  gateRoom,
	}
}

// Enter waits until a write may have a connection, and returns its pass; Leave gives it back. Before a long wait, and when too many
// writes wait, it asks may, unless that is nil, whether the write is allowed at all. Errors: those of may, ErrCrowded.
func (g *Gate) Enter(ctx context.Context, key Key, may func(ctx context.Context) error) (*Pass, error) {
	turn, err := g.join(key)
	switch {
	case err != nil && may != nil:
		if refused := may(ctx); refused != nil {
			err = refused
		}
	case err == nil && turn != nil:
		err = g.wait(ctx, key, turn, may)
	}
	if err != nil {
		return nil, err
	}
	p := &Pass{gate: g, key: key}
	if err := p.takeSlot(ctx); err != nil {
		p.Leave()
		return nil, err
	}
	return p, nil
}

// join queues a write behind those with the same key. The write may continue when turn is closed, or at once if it is nil.
func (g *Gate) join(key Key) (turn chan struct{}, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	w := g.keys[key]
	if g.room == 0 || w != nil && len(w.queue) >= keyQueue {
		return nil, ErrCrowded
	}
	g.room--
	if w == nil {
		w = new(waiting)
		g.keys[key] = w
	}
	if w.inside < g.width {
		w.inside++
		return nil, nil
	}
	turn = make(chan struct{})
	w.queue = append(w.queue, turn)
	return turn, nil
}

func (g *Gate) wait(ctx context.Context, key Key, turn chan struct{}, may func(ctx context.Context) error) (err error) {
	long := time.NewTimer(patience)
	defer long.Stop()
	for err == nil {
		select {
		case <-turn:
			return nil
		case <-ctx.Done():
			err = waitedInVain(ctx)
		case <-long.C:
			if may != nil {
				err = may(ctx)
			}
		}
	}
	g.giveUp(key, turn)
	return err
}

// giveUp removes a write that waits, or whose turn has just come.
func (g *Gate) giveUp(key Key, turn chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	w := g.keys[key]
	if i := slices.Index(w.queue, turn); i >= 0 {
		w.queue = slices.Delete(w.queue, i, i+1)
		g.room++
		return
	}
	g.next(key)
}

// next ends a write that is inside: the first one in the queue gets its place.
func (g *Gate) next(key Key) {
	g.room++
	w := g.keys[key]
	if len(w.queue) > 0 {
		close(w.queue[0])
		w.queue = w.queue[1:]
		return
	}
	w.inside--
	if w.inside == 0 {
		delete(g.keys, key)
	}
}

// Full says whether a write that comes now has to wait for a connection.
func (g *Gate) Full() bool {
	free := g.slots.TryAcquire(1)
	if free {
		g.slots.Release(1)
	}
	return !free
}

// Queue waits for a connection as a write does, and gives it back at once.
func (g *Gate) Queue(ctx context.Context) error {
	err := g.slots.Acquire(ctx, 1)
	if err == nil {
		g.slots.Release(1)
	}
	return err
}

// Pass is the right of a write to a connection. It is for one goroutine.
type Pass struct {
	gate  *Gate
	key   Key
	slot  bool // it holds one of slots
	stuck bool // it holds one of stuck
}

// takeSlot waits until a connection is free for a write.
func (p *Pass) takeSlot(ctx context.Context) error {
	for {
		if p.isStuck() {
			if p.gate.stuck.Acquire(ctx, 1) != nil {
				return waitedInVain(ctx)
			}
			p.stuck = true
		}
		if p.gate.slots.Acquire(ctx, 1) != nil {
			return waitedInVain(ctx)
		}
		p.slot = true
		if p.stuck || !p.isStuck() {
			return nil
		}
		p.giveBack() // it became stuck meanwhile
	}
}

// Again is for a write that did not get its lock in time and starts again: it gives its connection back, and waits for one of those
// that are for such locks.
func (p *Pass) Again(ctx context.Context) error {
	p.giveBack()
	p.setStuck(true)
	return p.takeSlot(ctx)
}

// Moved reports that the write got its lock.
func (p *Pass) Moved() { p.setStuck(false) }

func (p *Pass) isStuck() bool {
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	return p.gate.keys[p.key].stuck
}

func (p *Pass) setStuck(stuck bool) {
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	p.gate.keys[p.key].stuck = stuck
}

func (p *Pass) giveBack() {
	if p.slot {
		p.gate.slots.Release(1)
	}
	if p.stuck {
		p.gate.stuck.Release(1)
	}
	p.slot, p.stuck = false, false
}

// Leave ends the write.
func (p *Pass) Leave() {
	p.giveBack()
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	p.gate.next(p.key)
}
