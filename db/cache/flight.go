package cache

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// flight lets callers that want the same value share one load, and never returns a value that is older than the call.
//
// The usual single-flight lets a newcomer join the load that is running. That load may have read the database before a
// write that was answered before the newcomer came: it would see its own write missing. So a newcomer never joins a running
// load. All callers that come while one runs wait for it to end and share the next one, which begins after the last of them came.
// A caller waits for two loads at most, and there is at most one load of a key at a time.
//
// A load does not belong to the caller who began it: it goes on when that one is cancelled, and ends early only when
// no caller waits for it any more.
type flight[T any] struct {
	limit time.Duration // how long a load may take

	mu      sync.Mutex
	running map[string]*round[T]
	closed  bool
	loads   sync.WaitGroup
}

// round is one load and the callers that share it.
type round[T any] struct {
	load    func(context.Context) (T, error)
	ctx     context.Context
	cancel  context.CancelFunc
	waiters int
	started bool
	next    *round[T] // for callers that came while this one runs

	done  chan struct{} // closed when value and err are set
	value T
	err   error
}

func newFlight[T any](limit time.Duration) *flight[T] {
	return &flight[T]{limit: limit, running: make(map[string]*round[T])}
}

// do returns what load gave to the first caller of a round. own reports whether it was this caller's load.
func (f *flight[T]) do(ctx context.Context, key string, load func(context.Context) (T, error)) (v T, own bool, err error) {
	r, own := f.join(ctx, key, load)
	if r == nil {
		v, err = load(ctx)
		return v, true, err
	}
	select {
	case <-r.done:
		return r.value, own, r.err
	case <-ctx.Done():
		f.leave(r)
		return v, own, ctx.Err()
	}
}

// join finds the caller's round: a new one that starts at once, or the one after the running one. nil: the flight is closed.
func (f *flight[T]) join(ctx context.Context, key string, load func(context.Context) (T, error)) (r *round[T], own bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, true
	}
	current := f.running[key]
	if current != nil && current.next != nil {
		current.next.waiters++
		return current.next, false
	}
	r = &round[T]{load: load, waiters: 1, done: make(chan struct{})}
	r.ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx)) //nolint:gosec // finish and leave call it
	if current != nil {
		current.next = r
	} else {
		f.start(key, r)
	}
	return r, true
}

// leave is for a caller that gives up.
func (f *flight[T]) leave(r *round[T]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.waiters--; r.waiters == 0 && r.started {
		r.cancel()
	}
}

// start runs a round. The caller holds f.mu.
func (f *flight[T]) start(key string, r *round[T]) {
	f.running[key], r.started = r, true
	f.loads.Go(func() {
		r.value, r.err = f.call(r)
		f.finish(key, r)
	})
}

func (f *flight[T]) call(r *round[T]) (v T, err error) {
	ctx, cancel := context.WithTimeout(r.ctx, f.limit)
	defer cancel()
	defer func() {
		// This goroutine is not below the edge's own recover: a panic here would end the process.
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a shared load: %v\n%s", p, debug.Stack())
		}
	}()
	return r.load(ctx)
}

func (f *flight[T]) finish(key string, r *round[T]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r.cancel()
	close(r.done)
	delete(f.running, key)
	switch next := r.next; {
	case next == nil:
	case next.waiters == 0:
		next.cancel()
	default:
		f.start(key, next)
	}
}

// stop waits for the loads that run; each is bounded in time. Calls after it load for themselves.
func (f *flight[T]) stop() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.loads.Wait()
}
