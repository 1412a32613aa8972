package rate

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// errOpen is the answer of the breaker: Redis was not asked.
var errOpen = errors.New("rate: Redis does not answer at the moment")

// probeEvery is the time between two questions to a Redis that has failed.
const probeEvery = 500 * time.Millisecond

// breaker remembers whether Redis is worth asking. The first failure opens it: to be wrong about that costs half a second of
// counting by ourselves, while each further try would make somebody wait 50 ms. (The breaker of db/cache waits for five
// failures, since being wrong costs it database reads, and has to know fast failures from slow ones; there is too
// little in common to share.)
//
// While it is open, one probe at a time runs beside the calls, which never wait for it. It asks again what failed, for
// no permits at all: thus it goes to the same node of a cluster, and fails for whatever makes the real call fail, such as
// memory that is full, where a PING would be answered. There is no probe without calls, and no goroutine then.
type breaker struct {
	ask func(context.Context, question) (time.Duration, error)
	log *slog.Logger

	stopped context.Context
	cancel  context.CancelFunc
	probes  sync.WaitGroup

	open atomic.Bool // written under mu

	mu      sync.Mutex
	last    question // that failed
	next    time.Time
	probing bool
}

func newBreaker(ask func(context.Context, question) (time.Duration, error), log *slog.Logger) *breaker {
	b := &breaker{ask: ask, log: log}
	b.stopped, b.cancel = context.WithCancel(context.Background())
	return b
}

// isOpen says whether to leave Redis alone, and has it probed when it is time.
func (b *breaker) isOpen() bool {
	if !b.open.Load() {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open.Load() && !b.probing && !time.Now().Before(b.next) && b.stopped.Err() == nil {
		b.probing = true
		q := question{key: b.last.key, most: b.last.most}
		b.probes.Go(func() { b.probe(q) })
	}
	return true
}

// failed opens the breaker.
func (b *breaker) failed(q question, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open.Swap(true) {
		return
	}
	b.last, b.next = q, time.Now().Add(probeEvery)
	b.log.Warn("Redis does not answer: rate limits are counted by this instance alone", "err", err)
}

func (b *breaker) probe(q question) {
	_, err := b.ask(b.stopped, q)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
	if err != nil {
		b.next = time.Now().Add(probeEvery)
		return
	}
	b.open.Store(false)
	b.log.Info("Redis answers again: rate limits are shared")
}

// stop ends the probe that may be running, and waits for it. None starts afterwards.
func (b *breaker) stop() {
	b.mu.Lock()
	b.cancel() // under the lock: isOpen either started its probe before, or will see it
	b.mu.Unlock()
	b.probes.Wait()
}
