package transport

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"studychat/graph"
)

// Bounds of the operations of a connection, be it a socket or a stream of single connection mode.
const (
	MaxOperations  = 50  // under way at once
	maxOperationID = 200 // bytes
)

// Why an operation does not start.
var (
	errTakenID           = errors.New("an operation with this id is running")
	errTooManyOperations = errors.New("too many operations")
	errOver              = errors.New("the connection is over")
)

// operations are the operations of one connection, by the ids that the client chose, as JSON. An operation ends by itself, by its
// client, or with the connection. Only the first end counts: after a client's own complete, or after the end of the connection,
// nothing more is sent for the operation.
type operations struct {
	mu         sync.Mutex
	ended      bool
	all        []*running // mostly one: a map would take more memory
	goroutines sync.WaitGroup
}

// running is an operation under way. Its id may be used again after it.
type running struct {
	of     *operations
	id     string
	began  time.Time
	cancel context.CancelFunc // of the context of its goroutine; nil without one
	placed chan struct{}      // closed when the operation has its place, or needs none; nil from then on

	kept         bool                // the operation goes on without its goroutine, which alone sets this
	subscription *graph.Subscription // to be stopped when the operation ends
}

// begin runs an operation on a goroutine of its own, with a context that ends with it. run calls complete when it is done, or
// keep, and place as soon as the operation has its place in the log or needs none. before are the operations that have no place
// yet; placed is closed when this one has its place.
func (o *operations) begin(ctx context.Context, id string, run func(ctx context.Context, op *running, before []unplaced)) (placed <-chan struct{}, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.ended:
		return nil, errOver
	case o.findLocked(id) != nil:
		return nil, errTakenID
	case len(o.all) >= MaxOperations:
		return nil, errTooManyOperations
	}
	before := o.unplacedLocked()
	ctx, cancel := context.WithCancel(ctx)
	op := &running{of: o, id: id, began: time.Now(), cancel: cancel, placed: make(chan struct{})}
	placed = op.placed
	o.all = append(o.all, op)
	o.goroutines.Go(func() {
		run(ctx, op, before)
		op.place()
		if !op.kept {
			op.complete()
		}
	})
	return placed, nil
}

func (o *operations) findLocked(id string) *running {
	for _, op := range o.all {
		if op.id == id {
			return op
		}
	}
	return nil
}

// keep leaves a subscription to itself until its operation ends. run calls it last.
func (op *running) keep(subscription *graph.Subscription) {
	op.kept = true
	op.of.mu.Lock()
	goesOn := op.of.findLocked(op.id) == op
	if goesOn {
		op.subscription = subscription
	}
	op.cancelLocked() // the subscription does not need it
	op.of.mu.Unlock()
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
	op.cancelLocked()
	at := slices.Index(op.of.all, op)
	if op.of.ended || at < 0 {
		return false, nil
	}
	op.of.all = slices.Delete(op.of.all, at, at+1)
	return true, op.subscription
}

func (op *running) cancelLocked() {
	if op.cancel != nil {
		op.cancel()
		op.cancel = nil
	}
}

// stop ends an operation on behalf of the client, if it still runs. Nothing of a subscription comes after it.
func (o *operations) stop(id string) {
	o.mu.Lock()
	var subscription *graph.Subscription
	if op := o.findLocked(id); op != nil {
		_, subscription = op.removeLocked()
	}
	o.mu.Unlock()
	if subscription != nil {
		subscription.Stop()
	}
}

// end makes begin and complete fail from now on, and ends the contexts of the operations; wait waits for them.
func (o *operations) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
	for _, op := range o.all {
		op.cancelLocked()
	}
}

// wait ends the subscriptions, and waits for everything. It is called after end.
func (o *operations) wait() {
	o.goroutines.Wait()
	for _, op := range o.all { // nothing changes it any more
		if op.subscription != nil {
			op.subscription.Stop()
		}
	}
}
