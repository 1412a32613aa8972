package group

import (
	"slices"
	"time"
)

// key is the calls with one key.
type key[T any] struct {
	name  string
	queue []*Call[T] // those that wait
	state state
}

type state int

const (
	ready state = iota // in Group.ready
	held               // in a batch: its other calls wait until that ends
	lane               // somebody else has the lock: a goroutine serves its calls
)

// join queues a call.
func (g *Group[T]) join(call *Call[T]) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	k := g.keys[call.Key]
	switch {
	case g.stopped:
		return ErrStopped
	case g.waiting >= g.options.Room, k != nil && len(k.queue) >= g.options.KeyRoom:
		return ErrCrowded
	}
	if k == nil {
		k = &key[T]{name: call.Key}
		g.keys[call.Key] = k
		g.ready = append(g.ready, k)
	}
	k.queue = append(k.queue, call)
	g.waiting++
	g.start()
	return nil
}

// withdraw removes a call that waits. It returns false when the call is in a batch, or has run: then the batch decides, and if it does not,
// the call ends with err.
func (g *Group[T]) withdraw(call *Call[T], err error) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if call.running {
		call.gone = err
		return false
	}
	k := g.keys[call.Key]
	i := slices.Index(k.queue, call)
	k.queue = slices.Delete(k.queue, i, i+1)
	g.waiting--
	return true
}

// goesOn says whether another batch may run, and has something to run. g.mu is held.
func (g *Group[T]) goesOn(running int) bool {
	for len(g.ready) > 0 && len(g.ready[0].queue) == 0 { // all its callers have left
		delete(g.keys, g.ready[0].name)
		g.ready = g.ready[1:]
	}
	return len(g.ready) > 0 && running-g.slow < g.options.Parallel(g.waiting+g.inside)
}

// maxSlow is how many batches that take long there may be before no other one begins.
const maxSlow = 4

// start begins a batch, if one may run. g.mu is held.
func (g *Group[T]) start() {
	if g.slow < maxSlow && g.goesOn(g.running) {
		g.running++
		g.tasks.Go(g.work)
	}
}

// work runs batches until no call may begin.
func (g *Group[T]) work() {
	for more := true; more; {
		overdue := time.AfterFunc(g.options.Patience, func() {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.slow++
			g.start()
		})
		taken, busy, panicked := g.run()
		more = g.finish(taken, busy, panicked, !overdue.Stop())
	}
}

func (g *Group[T]) run() (taken, busy []*Call[T], panicked any) {
	defer func() {
		if panicked = recover(); panicked != nil && len(taken) == 0 {
			taken = g.take(g.options.Size) // these callers learn of the panic
		}
	}()
	busy = g.options.Run(func() []*Call[T] {
		calls := g.take(g.options.Size - len(taken))
		taken = append(taken, calls...)
		return calls
	})
	return taken, busy, nil
}

// take begins a batch with the keys that have waited longest. While other keys wait, one key gets no more than half of it.
func (g *Group[T]) take(size int) []*Call[T] {
	g.mu.Lock()
	defer g.mu.Unlock()
	var batch []*Call[T]
	for len(g.ready) > 0 && len(batch) < size {
		k := g.ready[0]
		g.ready = g.ready[1:]
		n := min(len(k.queue), size-len(batch))
		if len(g.ready) > 0 {
			n = min(n, (size+1)/2)
		}
		if n == 0 {
			delete(g.keys, k.name)
			continue
		}
		k.state = held
		batch = append(batch, g.begin(k, n)...)
	}
	return batch
}

// begin takes the first n calls of a key into a batch. g.mu is held.
func (g *Group[T]) begin(k *key[T], n int) []*Call[T] {
	calls := k.queue[:n:n]
	k.queue = k.queue[n:]
	for _, call := range calls {
		call.running = true
	}
	g.waiting -= n
	g.inside += n
	return calls
}

// finish answers a batch that has run, except the calls whose key is busy, and says whether the goroutine has to run another one.
func (g *Group[T]) finish(taken, busy []*Call[T], panicked any, slow bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside -= len(taken)
	reply(taken, busy, answer{panic: panicked})
	for _, call := range taken {
		if k := g.keys[call.Key]; k != nil && k.state == held {
			k.state = ready
			k.queue = append(g.stay(busy, k.name), k.queue...)
			g.release(k, slices.ContainsFunc(busy, func(b *Call[T]) bool { return b.Key == k.name }))
		}
	}
	if slow {
		g.slow--
	}
	if g.goesOn(g.running - 1) {
		return true
	}
	g.running--
	return false
}

// release gives a key that was in a batch back: its next calls may begin, by its lane if it is busy. g.mu is held.
func (g *Group[T]) release(k *key[T], busy bool) {
	switch {
	case len(k.queue) == 0:
		delete(g.keys, k.name)
	case busy:
		k.state = lane
		g.tasks.Go(func() { g.serve(k) })
	default:
		g.ready = append(g.ready, k)
	}
}

// reply answers the calls that are not in except.
func reply[T any](calls, except []*Call[T], end answer) {
	for _, call := range calls {
		if len(except) == 0 || !slices.Contains(except, call) {
			call.done <- end
		}
	}
}
