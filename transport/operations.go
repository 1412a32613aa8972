package transport

import (
	"context"
	"errors"
	"sync"
	"time"

	"studychat/graph"
)

// Bounds of the operations of a connection, be it a socket or a stream of single connection mode.
const (
	MaxOperations  = 50  // under way at once
	maxOperationID = 200 // bytes
)

// placeTimeout is how long a subscription that has no place in the log yet may delay the answers to what its client sent after
// it. Clients that ping close a socket when no pong comes for about 5 s.
const placeTimeout = 3 * time.Second

// Why an operation does not start.
var (
	errTakenID           = errors.New("an operation with this id is running")
	errTooManyOperations = errors.New("too many operations")
	errOver              = errors.New("the connection is over")
)

// operations are the operations of one connection, by the ids that the client chose. An operation ends by itself, by its
// client, or with the connection. Only the first end counts: after a client's own complete, or after the end of the connection,
// nothing more is sent for the operation.
type operations struct {
	mu         sync.Mutex
	ended      bool
	byID       map[string]*running
	goroutines sync.WaitGroup
}

// running is an operation under way. Its id may be used again after it.
type running struct {
	of     *operations
	id     string
	began  time.Time
	cancel context.CancelFunc
	placed context.Context    // done when the operation has its place, or needs none
	place  context.CancelFunc // a subscription delivers everything that is committed from then on

	kept         bool                // the operation goes on without its goroutine, which alone sets this
	subscription *graph.Subscription // to be stopped when the operation ends
}

func newOperations() *operations { return &operations{byID: map[string]*running{}} }

// begin runs an operation on a goroutine of its own, with a context that ends with it. run calls complete when it is done, or
// keep, and place as soon as the operation has its place in the log or needs none. before are the operations that have no place
// yet.
func (o *operations) begin(ctx context.Context, id string, run func(ctx context.Context, op *running, before []*running)) (*running, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch _, taken := o.byID[id]; {
	case o.ended:
		return nil, errOver
	case taken:
		return nil, errTakenID
	case len(o.byID) >= MaxOperations:
		return nil, errTooManyOperations
	}
	before := o.unplacedLocked()
	ctx, cancel := context.WithCancel(ctx)
	op := &running{of: o, id: id, began: time.Now(), cancel: cancel}
	op.placed, op.place = context.WithCancel(context.Background())
	o.byID[id] = op
	o.goroutines.Go(func() {
		run(ctx, op, before)
		op.place()
		if !op.kept {
			op.complete()
		}
	})
	return op, nil
}

// withStarted is ctx for a subscription of which op is told that it has its place.
func withStarted(ctx context.Context, op *running) context.Context {
	r := graph.RequestFrom(ctx)
	r.Started = func(string) { op.place() }
	return graph.WithRequest(ctx, r)
}

// keep leaves a subscription to itself until its operation ends. run calls it last.
func (op *running) keep(subscription *graph.Subscription) {
	op.kept = true
	op.of.mu.Lock()
	goesOn := op.of.byID[op.id] == op
	if goesOn {
		op.subscription = subscription
	}
	op.of.mu.Unlock()
	op.cancel() // the subscription does not need it
	if !goesOn {
		subscription.Stop()
	}
}

// complete ends the operation. It is true if nothing else had ended it. A subscription is stopped by another goroutine, since its
// own may have called.
func (op *running) complete() bool {
	op.of.mu.Lock()
	defer op.of.mu.Unlock()
	first, subscription := op.removeLocked()
	if subscription != nil {
		op.of.goroutines.Go(subscription.Stop)
	}
	return first
}

// removeLocked ends the operation, unless the connection has ended: then wait does.
func (op *running) removeLocked() (first bool, subscription *graph.Subscription) {
	op.cancel()
	if op.of.ended || op.of.byID[op.id] != op {
		return false, nil
	}
	delete(op.of.byID, op.id)
	return true, op.subscription
}

// unplaced are the operations that have no place in the log yet.
func (o *operations) unplaced() []*running {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.unplacedLocked()
}

func (o *operations) unplacedLocked() (some []*running) {
	for _, op := range o.byID {
		if op.placed.Err() == nil {
			some = append(some, op)
		}
	}
	return some
}

// allWait says whether no operation has its place yet.
func (o *operations) allWait() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.unplacedLocked()) == len(o.byID)
}

// awaitPlaces waits until each of the operations has its place, but for none longer than placeTimeout. It is true if all have.
func awaitPlaces(ctx context.Context, some []*running) bool {
	all := true
	for _, op := range some {
		limited, cancel := context.WithDeadline(ctx, op.began.Add(placeTimeout))
		select {
		case <-op.placed.Done():
		case <-limited.Done():
		}
		cancel()
		all = all && op.placed.Err() != nil
	}
	return all
}

// stop ends an operation on behalf of the client, if it still runs. Nothing of a subscription comes after it.
func (o *operations) stop(id string) {
	o.mu.Lock()
	var subscription *graph.Subscription
	if op := o.byID[id]; op != nil {
		_, subscription = op.removeLocked()
	}
	o.mu.Unlock()
	if subscription != nil {
		subscription.Stop()
	}
}

// end makes begin and complete fail from now on. The operations themselves end with the context of the connection; wait waits for
// them.
func (o *operations) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
}

// wait ends the subscriptions, and waits for everything. It is called after end and the end of the connection's context.
func (o *operations) wait() {
	o.goroutines.Wait()
	for _, op := range o.byID { // nothing changes it any more
		if op.subscription != nil {
			op.subscription.Stop()
		}
	}
}
