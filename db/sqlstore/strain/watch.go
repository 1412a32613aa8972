// Package strain notices when connections of a database are waited for too long.
//
// The pool of database/sql does not say how long its waiters wait until they have stopped waiting. So a watch queues too, whenever there is a
// queue. It sees what a request would see; the requests themselves pay nothing.
package strain

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// When a queue counts as overloaded.
const (
	Limit = time.Second            // a wait of more than this begins it
	short = 100 * time.Millisecond // a wait of less than this is none
	calm  = time.Second            // without any wait ends it: the first free connection proves nothing
	every = 200 * time.Millisecond // between two looks

	// patience bounds one wait of a watch. A queue that moves no more is overloaded long before.
	patience = 10 * time.Second
)

// Queue is what requests wait in.
type Queue struct {
	Full func() bool                     // a caller that joins now has to wait
	Join func(ctx context.Context) error // waits like a request, and leaves at once
}

// State says which queues are overloaded. Its zero value says that none is.
type State struct{ queues atomic.Uint32 }

// Any says whether one of the queues with these numbers is overloaded. It costs one atomic load.
func (s *State) Any(numbers ...int) bool {
	now := s.queues.Load()
	for _, n := range numbers {
		if now&(1<<n) != 0 {
			return true
		}
	}
	return false
}

func (s *State) set(number int, overloaded bool) {
	if overloaded {
		s.queues.Or(1 << number)
	} else {
		s.queues.And(^(uint32(1) << number))
	}
}

// Watch watches the queues, whose numbers are their places, until stop.
func (s *State) Watch(ctx context.Context, queues ...Queue) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	for number, queue := range queues {
		watching.Go(func() { s.watch(ctx, number, queue) })
	}
	return func() { cancel(); watching.Wait() }
}

func (s *State) watch(ctx context.Context, number int, queue Queue) {
	look := time.NewTicker(every)
	defer look.Stop()
	busy := time.Now() // when it was last seen
	for {
		if s.wait(ctx, number, queue) >= short {
			busy = time.Now()
		}
		if time.Since(busy) >= calm {
			s.set(number, false)
		}
		select {
		case <-ctx.Done():
			s.set(number, false)
			return
		case <-look.C:
		}
	}
}

// wait is how long a request would have waited. It reports a wait that becomes too long while it lasts.
func (s *State) wait(ctx context.Context, number int, queue Queue) time.Duration {
	if !queue.Full() {
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	began := time.Now()
	late := time.AfterFunc(Limit, func() { s.set(number, true) })
	defer late.Stop()
	_ = queue.Join(ctx) // an error ends the wait too
	return time.Since(began)
}
