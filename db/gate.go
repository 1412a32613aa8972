package db

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	laneWidth = 2    // writes of one lane that have or wait for a connection: one works, one waits for its lock
	laneQueue = 1000 // writes of one lane that wait in memory
	gateRoom  = 4000 // all writes that have come to the gate and have not ended

	// patience is how long a write waits for others before it is asked whether it may.
	patience = time.Second
)

// lane names what a write locks, so that writes of one lane would only wait for each other.
type lane string

// The lanes. That of a chat is its id, also before there is the chat.
func chatLane(id string) lane             { return lane(id) }
func memberLane(chatID, user string) lane { return lane("member/" + chatID + "/" + user) }
func userLane(id string) lane             { return lane("user/" + id) }
func moduleLane(id string) lane           { return lane("module/" + id) }

const metaLane lane = "meta"

// errCrowded says that more writes wait than may, or that the time of one was up.
var errCrowded = errors.New("too many writes at the same time")

func waitedInVain(ctx context.Context) error { return fmt.Errorf("%w: %w", errCrowded, ctx.Err()) }

// crowded tells a client to come back later. The time differs, so that not all come back at once.
func crowded(cause error) *Error {
	return &Error{
		Code: CodeUnavailable, Message: "The service is too busy at the moment. Please try again.", Err: cause,
		RetryAfter: time.Second + rand.N(time.Second), //nolint:gosec // nobody gains by guessing it
	}
}

// isCrowded says whether err is from crowded.
func isCrowded(err error) bool {
	own, ok := errors.AsType[*Error](err)
	return ok && own.Code == CodeUnavailable && own.RetryAfter > 0
}

// gate lets writes to the connections of the database. A lock that does not come free costs two connections for lockWait,
// and then at most the few that are for such locks, however many writes want it: the others wait here, in order. Reads do not
// pass it, and writes leave them some connections.
type gate struct {
	width int
	slots *semaphore.Weighted // connections that writes may have at the same time
	stuck *semaphore.Weighted // those of slots that may wait for locks that did not come free within lockWait

	mu    sync.Mutex
	lanes map[lane]*waiting
	room  int // writes that may still come
}

// waiting is what is going on in a lane.
type waiting struct {
	inside int             // at most gate.width
	queue  []chan struct{} // closed when it is the write's turn
	stuck  bool            // the last write to wait for the lock waited for lockWait
}

// writeSlots is how many of the connections of a pool writes may have at the same time. The others are left to reads. They are
// few, as locks that do not come free are not waited for on all the slots for longer than lockWait.
func writeSlots(conns int) int { return max(1, conns-max(1, conns/8)) }

// newGate makes a gate to as many connections as there are slots.
func newGate(slots int) *gate {
	return &gate{
		width: max(1, min(laneWidth, slots/2)), // so that one lane never has all the slots
		slots: semaphore.NewWeighted(int64(slots)),
		stuck: semaphore.NewWeighted(int64(max(1, slots/4))),
		lanes: map[lane]*waiting{},
		room:  gateRoom,
	}
}

// enter waits until a write may have a connection, and returns its pass, which has to be given back by leave. A write that
// has to wait for long, or finds too many waiting, is asked by may, if that is not nil. Errors: those of may, errCrowded.
func (g *gate) enter(ctx context.Context, in lane, may func(ctx context.Context) error) (*pass, error) {
	turn, err := g.join(in)
	switch {
	case err != nil && may != nil:
		if refused := may(ctx); refused != nil {
			err = refused
		}
	case err == nil && turn != nil:
		err = g.wait(ctx, in, turn, may)
	}
	if err != nil {
		return nil, err
	}
	p := &pass{gate: g, lane: in}
	if err := p.takeSlot(ctx); err != nil {
		p.leave()
		return nil, err
	}
	return p, nil
}

// join puts a write into its lane. It may go on when turn is closed, or at once if that is nil.
func (g *gate) join(in lane) (turn chan struct{}, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	w := g.lanes[in]
	if g.room == 0 || w != nil && len(w.queue) >= laneQueue {
		return nil, errCrowded
	}
	g.room--
	if w == nil {
		w = new(waiting)
		g.lanes[in] = w
	}
	if w.inside < g.width {
		w.inside++
		return nil, nil
	}
	turn = make(chan struct{})
	w.queue = append(w.queue, turn)
	return turn, nil
}

func (g *gate) wait(ctx context.Context, in lane, turn chan struct{}, may func(ctx context.Context) error) error {
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
	g.giveUp(in, turn)
	return err
}

// giveUp takes a write out of its lane that waits there, or whose turn has just come.
func (g *gate) giveUp(in lane, turn chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	w := g.lanes[in]
	for i := range w.queue {
		if w.queue[i] == turn {
			w.queue = append(w.queue[:i], w.queue[i+1:]...)
			g.room++
			return
		}
	}
	g.next(in)
}

// next ends a write that is inside its lane: the place goes to the first one in the queue.
func (g *gate) next(in lane) {
	g.room++
	w := g.lanes[in]
	if len(w.queue) > 0 {
		close(w.queue[0])
		w.queue = w.queue[1:]
		return
	}
	w.inside--
	if w.inside == 0 {
		delete(g.lanes, in)
	}
}
