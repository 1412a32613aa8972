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
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	keyWidth = 2    // writes with one key that have or wait for a connection: one works, one waits for its lock
	keyQueue = 1000 // writes with one key that wait in memory
	gateRoom = 4000 // all writes that have come to the gate and have not ended

	// patience is how long a write waits for others before it is asked whether it may.
	patience = time.Second
)

// Key names what a write locks: writes with one key wait for each other, and for no others.
type Key string

// ErrCrowded says that more writes wait than may, or that the time of one was up.
var ErrCrowded = errors.New("too many writes at the same time")

func waitedInVain(ctx context.Context) error { return fmt.Errorf("%w: %w", ErrCrowded, ctx.Err()) }

// Gate is the one way for writes to a pool of connections.
type Gate struct {
	width int
	slots *semaphore.Weighted // connections that writes may have at the same time
	stuck *semaphore.Weighted // those of slots that may wait for locks that did not come free within lockWait

	mu   sync.Mutex
	keys map[Key]*waiting
	room int // writes that may still come
}

// waiting is the writes of one key.
type waiting struct {
	inside int             // at most gate.width
	queue  []chan struct{} // closed when it is the write's turn
	stuck  bool            // the last write to wait for the lock waited for lockWait
}

// Slots is how many of the connections of a pool writes may have at the same time. The others are left to reads. They are
// few, as locks that do not come free are not waited for on all the slots for longer than lockWait.
func Slots(conns int) int { return max(1, conns-max(1, conns/8)) }

// New makes a gate to as many connections as there are slots.
func New(slots int) *Gate {
	return &Gate{
		width: max(1, min(keyWidth, slots/2)), // so that one key never has all the slots
		slots: semaphore.NewWeighted(int64(slots)),
		stuck: semaphore.NewWeighted(int64(max(1, slots/4))),
		keys:  map[Key]*waiting{},
		room:  gateRoom,
	}
}

// Enter waits until a write may have a connection, and returns its pass, which has to be given back by Leave. A write that
// has to wait for long, or finds too many waiting, is asked by may, if that is not nil. Errors: those of may, ErrCrowded.
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

// join queues a write behind those with the same key. It may go on when turn is closed, or at once if that is nil.
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

func (g *Gate) wait(ctx context.Context, key Key, turn chan struct{}, may func(ctx context.Context) error) error {
	long := time.NewTimer(patience)
	defer long.Stop()
	var err error
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
	if err == nil {
		select {
		case <-turn:
			return nil
		case <-ctx.Done():
			err = waitedInVain(ctx)
		}
	}
	g.giveUp(key, turn)
	return err
}

// giveUp takes out a write that waits, or whose turn has just come.
func (g *Gate) giveUp(key Key, turn chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	w := g.keys[key]
	for i := range w.queue {
		if w.queue[i] == turn {
			w.queue = append(w.queue[:i], w.queue[i+1:]...)
			g.room++
			return
		}
	}
	g.next(key)
}

// next ends a write that is inside: its place goes to the first one in the queue.
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
