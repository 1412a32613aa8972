package cache

import (
	"sync"
	"sync/atomic"
	"time"
)

// How many failures in how short a time open the breaker.
const (
	breakerFailures = 5
	breakerWindow   = time.Second
)

// breaker remembers whether Redis is worth asking. It does not close by itself: whoever probes Redis closes it.
type breaker struct {
	open atomic.Bool
	slow atomic.Bool // the newest failure was a timeout: another try would cost a wait as well

	mu     sync.Mutex
	recent [breakerFailures]time.Time // a ring
	next   int
	opened int64 // how often, for the counters
}

// failed counts a failure and opens the breaker when it is one too many.
func (b *breaker) failed(slow bool) {
	b.slow.Store(slow)
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.recent[b.next] = now
	b.next = (b.next + 1) % breakerFailures
	// The slot to be overwritten next is the oldest of the last five, this one included.
	oldest := b.recent[b.next]
	if !oldest.IsZero() && now.Sub(oldest) <= breakerWindow {
		b.tripLocked()
	}
}

// trip opens the breaker at once, or notes for an open one how the newest failure was.
func (b *breaker) trip(slow bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.slow.Store(slow)
	b.tripLocked()
}

func (b *breaker) tripLocked() {
	if !b.open.Swap(true) {
		b.opened++
	}
}

// close forgets the failures: it takes five new ones to open again.
func (b *breaker) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recent = [breakerFailures]time.Time{}
	b.slow.Store(false)
	b.open.Store(false)
}

func (b *breaker) timesOpened() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.opened
}
