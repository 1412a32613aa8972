// Package lazy spares requests what most of them do not need: a timer, and memory of their own.
package lazy

import (
	"context"
	"sync"
	"time"
)

// WithTimeout is context.WithTimeout without a timer until somebody waits for the end of the context. Most answers come from
// memory and wait for nothing; starting and stopping a timer, and registering with the parent, cost them more than the rest of their
// context.
func WithTimeout(parent context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	deadline := time.Now().Add(d)
	if earlier, ok := parent.Deadline(); ok && earlier.Before(deadline) {
		deadline = earlier
	}
	t := &timed{Context: parent, deadline: deadline}
	return t, t.end
}

// timed is a context with a deadline.
type timed struct {
	context.Context //nolint:containedctx // the parent

	deadline time.Time

	mu     sync.Mutex
	timer  context.Context // with a timer, once somebody waits
	cancel context.CancelFunc
	ended  bool
}

// Deadline implements context.Context.
func (t *timed) Deadline() (time.Time, bool) { return t.deadline, true }

// Done implements context.Context.
func (t *timed) Done() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.timer == nil {
		t.timer, t.cancel = context.WithDeadline(t.Context, t.deadline)
		if t.ended {
			t.cancel()
		}
	}
	return t.timer.Done()
}

// Err implements context.Context.
func (t *timed) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch err := t.Context.Err(); {
	case t.timer != nil:
		return t.timer.Err()
	case t.ended:
		return context.Canceled
	case err != nil:
		return err
	case !time.Now().Before(t.deadline):
		return context.DeadlineExceeded
	}
	return nil
}

// Value implements context.Context. Once there is a timer its context is asked, so that package context recognizes it and derives
// contexts from it without a goroutine.
func (t *timed) Value(key any) any {
	t.mu.Lock()
	from := t.timer
	t.mu.Unlock()
	if from == nil {
		from = t.Context
	}
	return from.Value(key)
}

func (t *timed) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	if t.cancel != nil {
		t.cancel()
	}
}
