// Package group runs the calls of many callers in batches. A batch is what gathered while the last ones ran: nobody waits for a batch
// to fill, and a call that finds nothing to wait for is a batch of one.
//
// A key is in one batch at a time: its other calls gather. A batch whose key is busy (somebody else holds its lock) leaves the key to its
// lane, which waits for the lock alone: the other keys go on. Every wait is bounded, and so is the number of calls that wait.
package group

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrCrowded says that too many calls wait, or that a call has waited for too long. The call did not run.
var ErrCrowded = errors.New("too many calls wait for a batch")

// ErrStopped says that the call came after Stop.
var ErrStopped = errors.New("the group has stopped")

// Options say how a Group works. All are required.
type Options[T any] struct {
	Parallel func(calls int) int // batches at the same time, by how many calls there are that wait or run
	Size     int                 // calls in a batch, at most
	Room     int                 // calls that wait
	KeyRoom  int                 // calls of one key that wait

	// Patience is how long a call waits before its caller is asked whether it is allowed at all, and how long a batch may run
	// before another one may run in its place.
	Patience time.Duration
	Wait     time.Duration // how long a call waits for its batch to begin

	// Run runs a batch, and Serve one of a busy key. They wait for what a batch needs, and only then take the calls: until
	// then callers may leave, and others may come. They leave the results in the calls' items.
	//
	// Run returns the calls whose key is busy: they go to its lane. Serve returns the calls that are to be tried again. When Serve
	// returns an error, all calls of the key that still wait get it.
	Run   func(take Take[T]) (busy []*Call[T])
	Serve func(key string, take Take[T]) (again []*Call[T], err error)
}

// Take begins a batch. It returns no call when all callers have left.
type Take[T any] func() []*Call[T]

// Call is one call in a batch. Run and Serve have it for themselves until they return.
type Call[T any] struct {
	Key   string
	Item  T
	Began time.Time // when the caller came

	done    chan answer // of size one
	running bool        // under the group's lock: it is in a batch, whose outcome answers it
	gone    error       // under the group's lock: why the caller left while the call was in a batch
}

// answer ends a call.
type answer struct {
	err   error
	panic any // what Run or Serve panicked with
}

// Group runs calls in batches.
type Group[T any] struct {
	options Options[T]
	tasks   sync.WaitGroup

	mu      sync.Mutex
	stopped bool
	keys    map[string]*key[T] // those with calls
	ready   []*key[T]          // the keys whose calls may begin, in order; some may have none any more
	waiting int                // calls
	inside  int                // calls in batches
	running int                // batches
	slow    int                // those of them that take long
}

// New makes a group. It has no goroutine while there is no call.
func New[T any](options Options[T]) *Group[T] {
	return &Group[T]{options: options, keys: map[string]*key[T]{}}
}

// Stop refuses new calls, and waits until those that wait have run.
func (g *Group[T]) Stop() {
	g.mu.Lock()
	g.stopped = true
	g.mu.Unlock()
	g.tasks.Wait()
}

// Do runs an item in a batch, and returns nil once it has run: the outcome is in the item. Any error says that it did not run. A caller
// that goes away while the call waits withdraws it. Once it is in a batch, Do waits for the batch. Before a long wait, and when too
// many calls wait, it asks may, unless that is nil, whether the call is allowed at all.
//
// When the batch panics, Do panics with the same value. Errors: those of may and of Serve, ErrCrowded, ErrStopped, ctx.Err().
func (g *Group[T]) Do(ctx context.Context, key string, item T, may func(ctx context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	call := &Call[T]{Key: key, Item: item, Began: time.Now(), done: make(chan answer, 1)}
	if err := g.join(call); err != nil {
		if may != nil {
			if refused := may(ctx); refused != nil {
				return refused
			}
		}
		return err
	}
	end := g.await(ctx, call, may)
	if end.panic != nil {
		panic(end.panic)
	}
	return end.err
}

// await waits for the answer of a call that has joined.
func (g *Group[T]) await(ctx context.Context, call *Call[T], may func(ctx context.Context) error) answer {
	patience, wait := g.options.Patience, g.options.Wait
	timer := time.NewTimer(patience)
	defer timer.Stop()
	asked := false
	for {
		var err error
		select {
		case end := <-call.done:
			return end
		case <-ctx.Done():
			err = fmt.Errorf("%w: %w", ErrCrowded, ctx.Err())
		case <-timer.C:
			switch {
			case asked:
				err = ErrCrowded
			case may != nil:
				err = may(ctx)
			}
			asked = true
			timer.Reset(wait - patience)
		}
		if err == nil {
			continue
		}
		if g.withdraw(call, err) {
			return answer{err: err}
		}
		return <-call.done // its batch is bounded, and nothing follows it
	}
}
