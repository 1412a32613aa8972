// Package group runs the calls of many callers in batches. A batch is what gathered while the last one ran: nobody waits for a
// batch to fill, and a call that finds its worker idle is a batch of one.
//
// Workers own keys by their hash. A batch whose key is busy (somebody else holds its lock) hands the calls of that key to the key's
// lane, which waits for the lock alone: the other keys of the worker go on. Every wait is bounded, and so is the number of calls that
// wait.
package group

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"
)

// ErrCrowded says that too many calls wait, or that a call has waited for too long. The call did not run.
var ErrCrowded = errors.New("too many calls wait for a batch")

// ErrStopped says that the call came after Stop.
var ErrStopped = errors.New("the group has stopped")

// Options say how a Group works. All are required.
type Options[T any] struct {
	Workers int // each runs one batch at a time
	Size    int // calls in a batch, at most
	Room    int // calls of one worker that wait
	KeyRoom int // calls of one key that wait

	// Patience is how long a call waits before its caller is asked whether it is allowed at all, and how long a batch may run
	// before its worker begins another one beside it.
	Patience time.Duration
	Wait     time.Duration // how long a call waits for its batch to begin

	// Run runs a batch of a worker, and Serve one of a busy key. They wait for what a batch needs, and only then take the calls: until
	// then callers may leave, and others may come. They leave the results in the calls' items.
	//
	// Run returns the calls whose key is busy: they go to its lane. Serve returns the calls that are to be tried again. When Serve
	// returns an error, all calls of the key that still wait get it.
	Run   func(worker int, take Take[T]) (busy []*Call[T])
	Serve func(key string, take Take[T]) (again []*Call[T], err error)
}

// Take begins a batch. It returns no call when all callers have left.
type Take[T any] func() []*Call[T]

// Call is one call in a batch. Run and Serve have it for themselves until they return.
type Call[T any] struct {
	Key   string
	Item  T
	Began time.Time // when the caller came

	done  chan answer // of size one
	state state       // under the worker's lock
	gone  error       // under the worker's lock: why the caller left while the call was in a batch
}

type state int

const (
	queued  state = iota // in the worker's queue
	inLane               // in the lane of its key
	running              // in a batch: only its outcome answers it
)

// answer ends a call.
type answer struct {
	err   error
	panic any // what Run or Serve panicked with
}

// Group runs calls in batches.
type Group[T any] struct {
	options Options[T]
	workers []*worker[T]
	seed    maphash.Seed
	tasks   sync.WaitGroup
}

// New makes a group. It has no goroutine while there is no call.
func New[T any](options Options[T]) *Group[T] {
	g := &Group[T]{options: options, seed: maphash.MakeSeed()}
	for i := range options.Workers {
		g.workers = append(g.workers, &worker[T]{
			group: g, number: i, lanes: map[string]*lane[T]{}, waiting: map[string]int{}, taken: map[string]int{},
		})
	}
	return g
}

// Stop refuses new calls, and waits until those that wait have run.
func (g *Group[T]) Stop() {
	for _, w := range g.workers {
		w.mu.Lock()
		w.stopped = true
		w.mu.Unlock()
	}
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
	w := g.workers[maphash.String(g.seed, key)%uint64(len(g.workers))]
	call := &Call[T]{Key: key, Item: item, Began: time.Now(), done: make(chan answer, 1)}
	if err := w.join(call); err != nil {
		if may != nil {
			if refused := may(ctx); refused != nil {
				return refused
			}
		}
		return err
	}
	end := w.await(ctx, call, may)
	if end.panic != nil {
		panic(end.panic)
	}
	return end.err
}

// await waits for the answer of a call that has joined.
func (w *worker[T]) await(ctx context.Context, call *Call[T], may func(ctx context.Context) error) answer {
	patience, wait := w.group.options.Patience, w.group.options.Wait
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
		if w.withdraw(call, err) {
			return answer{err: err}
		}
		return <-call.done // its batch is bounded, and nothing follows it
	}
}
