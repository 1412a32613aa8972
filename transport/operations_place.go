package transport

import (
	"context"
	"encoding/json"
	"time"

	"studychat/graph"
	"studychat/transport/connections"
	"studychat/transport/wire"
)

// placeTimeout is how long a subscription that has no place in the log yet may delay the answers to what its client sent after
// it. Clients that ping close a socket when no pong comes for about 5 s.
const placeTimeout = 3 * time.Second

// unplaced is an operation that has no place in the log yet.
type unplaced struct {
	placed <-chan struct{}
	began  time.Time
}

// place says that a subscription delivers everything that is committed from now on.
func (op *running) place() {
	op.of.mu.Lock()
	defer op.of.mu.Unlock()
	if op.placed != nil {
		close(op.placed)
		op.placed = nil
	}
}

// withStarted is ctx for a subscription of which op is told that it has its place.
func withStarted(ctx context.Context, op *running) context.Context {
	r := graph.RequestFrom(ctx)
	r.Started = func(string) { op.place() }
	return graph.WithRequest(ctx, r)
}

// unplaced are the operations that have no place in the log yet.
func (o *operations) unplaced() []unplaced {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.unplacedLocked()
}

func (o *operations) unplacedLocked() (some []unplaced) {
	for _, op := range o.all {
		if op.placed != nil {
			some = append(some, unplaced{op.placed, op.began})
		}
	}
	return some
}

// allWait says whether no operation has its place yet.
func (o *operations) allWait() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.unplacedLocked()) == len(o.all)
}

// awaitPlaces waits until each of the operations has its place, but for none longer than placeTimeout. It is true if all have.
func awaitPlaces(ctx context.Context, some []unplaced) bool {
	all := true
	for _, op := range some {
		all = op.await(ctx) && all
	}
	return all
}

func (u unplaced) await(ctx context.Context) bool {
	ctx, cancel := context.WithDeadline(ctx, u.began.Add(placeTimeout))
	defer cancel()
	select {
	case <-u.placed:
		return true
	case <-ctx.Done():
	}
	select {
	case <-u.placed: // both
		return true
	default:
		return false
	}
}

// Bounds of the pongs of a socket that wait on goroutines of their own.
const (
	waitingPongs = 8
	waitingPong  = 4 << 10 // bytes
)

// pong answers a ping when the subscriptions that were sent before it have their places. The reader goes on meanwhile, unless
// too many pongs wait already.
func (s *socket) pong(f []byte) {
	before := s.operations.unplaced()
	if len(before) == 0 || len(f) > waitingPong || s.pongs.Load() == waitingPongs {
		s.pongAfter(before, f)
		return
	}
	s.pongs.Add(1)
	s.goroutines.Go(func() {
		defer s.pongs.Add(-1)
		s.pongAfter(before, f)
	})
}

// pongAfter delays a pong, from which a client concludes that its subscriptions are active. When the database does not answer in
// time, the client is told to reconnect, unless an operation on the socket is already active.
func (s *socket) pongAfter(before []unplaced, f []byte) {
	if !awaitPlaces(s.ctx, before) && s.operations.allWait() {
		s.sendRetry()
		return
	}
	_ = s.out.Put(s.ctx, f)
}

// stateOf is what people are shown of a connection.
func stateOf(out *wire.Outbox, o *operations, ending *connections.Ending) connections.State {
	now, waiting := time.Now(), out.Waiting()
	state := connections.State{Queue: connections.Queue{Frames: waiting.Frames, Bytes: waiting.Bytes}, Ending: ending}
	if !waiting.Since.IsZero() {
		state.Queue.OldestMs = now.Sub(waiting.Since).Milliseconds()
	}
	o.mu.Lock()
	state.OperationCount = len(o.all)
	oldest := make([]running, 0, connections.MaxOperations)
	for _, op := range o.all[:min(len(o.all), connections.MaxOperations)] {
		oldest = append(oldest, running{id: op.id, began: op.began, subscription: op.subscription})
	}
	o.mu.Unlock() // before the subscriptions are asked, which takes locks of the hub
	for _, op := range oldest {
		state.Operations = append(state.Operations, show(op.id, now.Sub(op.began), op.subscription))
	}
	return state
}

func show(id string, age time.Duration, subscription *graph.Subscription) connections.Operation {
	shown := connections.Operation{AgeMs: age.Milliseconds()}
	_ = json.Unmarshal([]byte(id), &shown.ID) // quote made it, or it is ""
	if subscription != nil {
		p := subscription.Place()
		shown.Subscription, shown.Name = true, p.Operation
		shown.ChatID, shown.Cursor, shown.Behind, shown.Chats, shown.Waiting = p.ChatID, p.Cursor, p.Behind, p.Chats, p.Waiting
	}
	return shown
}
