package group

import (
	"slices"
	"sync"
	"time"
)

// maxRunning is how many batches of one worker may run at the same time: one, and another one beside a batch that takes long.
const maxRunning = 2

// worker runs the batches of its keys.
type worker[T any] struct {
	group  *Group[T]
	number int

	mu      sync.Mutex
	stopped bool
	queue   []*Call[T]
	lanes   map[string]*lane[T]
	waiting map[string]int // calls in the queue and in lanes, by key
	size    int            // of all of them
	running int            // goroutines in work
	slow    int            // those of them whose batch takes long
	taken   map[string]int // used by take
}

// lane is the calls of a busy key. It exists while a goroutine serves it.
type lane[T any] struct{ queue []*Call[T] }

// join queues a call.
func (w *worker[T]) join(call *Call[T]) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.stopped:
		return ErrStopped
	case w.size >= w.group.options.Room, w.waiting[call.Key] >= w.group.options.KeyRoom:
		return ErrCrowded
	}
	w.count(call, +1)
	if lane := w.lanes[call.Key]; lane != nil {
		call.state = inLane
		lane.queue = append(lane.queue, call)
		return nil
	}
	w.queue = append(w.queue, call)
	w.start()
	return nil
}

// withdraw removes a call that waits. It returns false when the call is in a batch, or has run: then the batch decides, and if it does not,
// the call ends with err.
func (w *worker[T]) withdraw(call *Call[T], err error) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	queue := &w.queue
	switch call.state {
	case running:
		call.gone = err
		return false
	case inLane:
		queue = &w.lanes[call.Key].queue
	}
	i := slices.Index(*queue, call)
	*queue = slices.Delete(*queue, i, i+1)
	w.count(call, -1)
	return true
}

func (w *worker[T]) count(call *Call[T], by int) {
	w.size += by
	w.waiting[call.Key] += by
	if w.waiting[call.Key] == 0 {
		delete(w.waiting, call.Key)
	}
}

// start begins to work unless that is done already. w.mu is held.
func (w *worker[T]) start() {
	if len(w.queue) > 0 && w.running == w.slow && w.running < maxRunning {
		w.running++
		w.group.tasks.Go(w.work)
	}
}

// work runs batches until no call waits.
func (w *worker[T]) work() {
	for w.goesOn() {
		overdue := time.AfterFunc(w.group.options.Patience, func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.slow++
			w.start()
		})
		taken, busy, panicked := w.run()
		w.finish(taken, busy, panicked, !overdue.Stop())
	}
}

// goesOn says whether there is something to do for the goroutine. If not, it has to end.
func (w *worker[T]) goesOn() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) > 0 && w.running-w.slow <= 1 {
		return true
	}
	w.running--
	return false
}

func (w *worker[T]) run() (taken, busy []*Call[T], panicked any) {
	defer func() {
		if panicked = recover(); panicked != nil && len(taken) == 0 {
			taken = w.take(w.group.options.Size) // somebody has to be told
		}
	}()
	busy = w.group.options.Run(w.number, func() []*Call[T] {
		calls := w.take(w.group.options.Size - len(taken))
		taken = append(taken, calls...)
		return calls
	})
	return taken, busy, nil
}

// take begins a batch with the calls that came first. While other keys wait, one key gets no more than half of it.
func (w *worker[T]) take(size int) []*Call[T] {
	w.mu.Lock()
	defer w.mu.Unlock()
	batch := make([]*Call[T], 0, min(size, len(w.queue)))
	if len(w.queue) <= size {
		batch = append(batch, w.queue...)
		w.keep(w.queue[:0])
	} else {
		batch = w.share(batch, size)
	}
	for _, call := range batch {
		call.state = running
		w.count(call, -1)
	}
	return batch
}

// share takes a batch from a queue that is longer than it.
func (w *worker[T]) share(batch []*Call[T], size int) []*Call[T] {
	clear(w.taken)
	rest := w.queue[:0]
	for _, call := range w.queue {
		if len(batch) < size && w.taken[call.Key] < (size+1)/2 {
			w.taken[call.Key]++
			batch = append(batch, call)
		} else {
			rest = append(rest, call)
		}
	}
	more := min(size-len(batch), len(rest))
	batch = append(batch, rest[:more]...)
	w.keep(slices.Delete(rest, 0, more))
	return batch
}

// keep makes queue, which has the memory of the old queue, the queue.
func (w *worker[T]) keep(queue []*Call[T]) {
	clear(w.queue[len(queue):])
	w.queue = queue
}

// finish answers a batch that has run, except the calls whose key is busy.
func (w *worker[T]) finish(batch, busy []*Call[T], panicked any, slow bool) {
	w.mu.Lock()
	for _, call := range busy {
		w.toLane(call)
	}
	if slow {
		w.slow--
	}
	w.mu.Unlock()
	reply(batch, busy, answer{panic: panicked})
}

// reply answers the calls that are not in except.
func reply[T any](calls, except []*Call[T], end answer) {
	for _, call := range calls {
		if len(except) == 0 || !slices.Contains(except, call) {
			call.done <- end
		}
	}
}
