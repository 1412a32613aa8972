package transport

import (
	"context"
	"errors"
	"sync"
)

// Bounds of the operations of a connection, be it a socket or a stream of single connection mode.
const (
	MaxOperations  = 50  // under way at once
	maxOperationID = 200 // bytes
)

// Why an operation does not begin.
var (
	errTakenID           = errors.New("an operation with this id is running")
	errTooManyOperations = errors.New("too many operations")
	errOver              = errors.New("the connection is over")
)

// operations are those of one connection, by the ids that its client gave them. Three may end one: itself, its client, and
// the end of the connection. Whoever is first is told so, and whoever is not keeps silent: after a client's own complete,
// or an end of ours, nothing more is said of it.
type operations struct {
	mu         sync.Mutex
	ended      bool
	byID       map[string]*running
	goroutines sync.WaitGroup
}

// running is an operation under way; its id may be another's after it.
type running struct{ cancel context.CancelFunc }

func newOperations() *operations { return &operations{byID: map[string]*running{}} }

// begin runs an operation on a goroutine of its own. Its context ends with it. complete is for run to call when it is done,
// and says whether nobody else had ended it.
func (o *operations) begin(ctx context.Context, id string, run func(ctx context.Context, complete func() bool)) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch _, taken := o.byID[id]; {
	case o.ended:
		return errOver
	case taken:
		return errTakenID
	case len(o.byID) >= MaxOperations:
		return errTooManyOperations
	}
	ctx, cancel := context.WithCancel(ctx)
	op := &running{cancel}
	o.byID[id] = op
	o.goroutines.Go(func() {
		complete := func() bool { return o.over(id, op) }
		defer complete()
		run(ctx, complete)
	})
	return nil
}

// stop ends an operation because the client says so, if it is still going on.
func (o *operations) stop(id string) {
	o.mu.Lock()
	op := o.byID[id]
	o.mu.Unlock()
	if op != nil {
		o.over(id, op)
	}
}

func (o *operations) over(id string, op *running) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	op.cancel()
	if o.byID[id] != op {
		return false
	}
	delete(o.byID, id)
	return !o.ended
}

// end lets no operation begin and none complete any more. Their contexts are those of the connection, which ends them.
func (o *operations) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
}

// wait waits for those that run; after end.
func (o *operations) wait() { o.goroutines.Wait() }
