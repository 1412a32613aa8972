// Package breaker keeps calls from waiting for a Redis that does not answer. It is for users who can do without Redis for
// half a second at any time, such as rate limits and persisted documents. The rule:
//
//   - A call waits 50 ms. The first that fails opens the breaker: from then on Do answers ErrOpen at once.
//   - An open breaker probes: at once, then every 500 ms, beside the calls, which never wait for it; without calls it does
//     not, and has no goroutine. One answer closes it.
//   - The probe at once is for a Redis that is well, and one answer that was late on a busy machine: it costs the time of
//     one round trip, and no line of the log. It is not repeated within 500 ms, so that nobody waits more often than that
//     for a Redis which answers probes and nothing else.
//   - A caller that gives up says nothing about Redis: its failure is returned, and not counted.
//
// Rejected: to open after two failures, one after the other. When Redis hangs, one request that asks twice would wait twice.
//
// The cache of chats (db/cache) has another one on purpose. To be wrong about Redis costs it reads of the database, so it
// waits for five failures, or for one and a failed PING right after it, and tells slow failures from fast ones.
package breaker

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// What the rule says.
const (
	Timeout    = 50 * time.Millisecond  // of one call, and of one probe, unless a breaker has its own
	ProbeEvery = 500 * time.Millisecond // from the end of the last probe
)

// ErrOpen is the answer of Do when nobody was asked.
var ErrOpen = errors.New("breaker: Redis does not answer at the moment")

// Breaker remembers whether Redis is worth asking. All its methods may be called at the same time.
type Breaker struct {
	Timeout time.Duration // may be set before the first call

	log    *slog.Logger
	quit   context.Context // done when stopped
	cancel context.CancelFunc
	probes sync.WaitGroup

	mu            sync.Mutex
	open, probing bool
	logged        bool // that it is open
	cause         error
	probe         func(context.Context) error // asks again what failed
	probed        time.Time                   // when the last probe ended
}

// New makes a breaker that has to be stopped. It logs when an outage begins and when it is over, for what it is used. An
// outage is one that the probe after the first failure has seen as well.
func New(what string, log *slog.Logger) *Breaker {
	b := &Breaker{Timeout: Timeout, log: log.With("for", what)}
	b.quit, b.cancel = context.WithCancel(context.Background())
	return b
}

// Do runs call, unless the breaker is open, and returns its error. Any error is a failure of Redis: call returns none for
// a reply that is to pass for an answer. If the breaker opens for this call, its probe is run until that returns no error,
// long after Do maybe. It should ask about the same key, which may live on the one node of a cluster that is down. Both
// must respect deadlines.
func (b *Breaker) Do(ctx context.Context, call, probe func(context.Context) error) error {
	if b.isOpen() {
		return ErrOpen
	}
	began := time.Now()
	err := b.within(ctx, call)
	if err != nil && !over(ctx) {
		b.failed(began, err, probe)
	}
	return err
}

// Stop ends the probe that may be running, and waits for it. Do may be called still: Redis is not asked any more.
func (b *Breaker) Stop() {
	b.mu.Lock()
	b.open = true
	b.cancel() // under the lock: isOpen either started its probe before, or will see it
	b.mu.Unlock()
	b.probes.Wait()
}

func (b *Breaker) within(ctx context.Context, run func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, b.Timeout)
	defer cancel()
	return run(ctx)
}

// over says whether it was the caller that gave up. The deadline is looked at, too: it is given to the connection as
// well, whose timer may be the first to fire.
func over(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

// isOpen says whether to leave Redis alone, and has it probed when it is time.
func (b *Breaker) isOpen() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open && !b.probing && b.due() && b.quit.Err() == nil {
		b.startProbe()
	}
	return b.open
}

func (b *Breaker) due() bool { return time.Since(b.probed) >= ProbeEvery }

func (b *Breaker) startProbe() {
	b.probing = true
	b.probes.Go(b.askAgain)
}

// failed leaves out a call that began before the last probe ended: since then Redis has answered.
func (b *Breaker) failed(began time.Time, err error, probe func(context.Context) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open || began.Before(b.probed) {
		return
	}
	b.open, b.cause, b.probe = true, err, probe
	if b.due() {
		b.startProbe()
		return
	}
	b.logOpen()
}

func (b *Breaker) logOpen() {
	if !b.logged {
		b.log.Warn("Redis does not answer: this instance goes on alone", "err", b.cause)
	}
	b.logged = true
}

// askAgain is one probe. Only one runs at a time, and nobody else touches b.probe meanwhile.
func (b *Breaker) askAgain() {
	err := b.within(b.quit, b.probe)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing, b.probed = false, time.Now()
	switch {
	case b.quit.Err() != nil:
	case err != nil:
		b.logOpen()
	default:
		if b.logged {
			b.log.Info("Redis answers again: instances share once more")
		}
		b.open, b.logged, b.cause, b.probe = false, false, nil, nil
	}
}
