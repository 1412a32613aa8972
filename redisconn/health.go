package redisconn

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Times and counts of the rule that Health describes.
const (
	CallTimeout = 50 * time.Millisecond  // of one call
	ProbeEvery  = 500 * time.Millisecond // between probes while Redis is down
	maxSuspects = 5                      // suspicions within suspectsIn that probes did not confirm
	suspectsIn  = time.Second
)

// ErrUnhealthy is what Health.Do returns when it did not ask Redis.
var ErrUnhealthy = errors.New("redisconn: Redis does not answer at the moment")

// Level is what is known of Redis.
type Level int32

// The levels.
const (
	Healthy Level = iota
	Suspect       // a call failed, and a probe is under way
	Down          // a probe failed
)

// Health is the one opinion of this process about Redis, which all of its users share. The rule:
//
//   - A call waits for CallTimeout. One that fails makes Redis Suspect, and a probe is sent at once: a PING of every master.
//   - If the probe is answered, Redis is Healthy again: a single late answer on a busy machine costs the time of one round trip.
//     If not, Redis is Down, and is probed every ProbeEvery until it answers. Calls never wait for a probe.
//   - Five suspicions within a second make it Down until the next probe: something fails that a PING does not show.
//   - A user that can do without Redis asks it only while it is Healthy (Do). A user that cannot (the cache's marks of writes, the
//     registry's entries) also asks it while it is Suspect (Try).
//
// So a Redis that hangs costs a running call one CallTimeout, and later calls nothing. A cluster that lacks a master
// is Down as a whole: most requests need several keys, and would wait for the missing one again and again.
//
// Three things are not held against Redis: a caller that gives up before the call's own deadline, a failed call that
// began before the last answered probe ended, and a reply that refuses a kind of command (READONLY, OOM, NOPERM): the watcher finds
// out which, and PINGs would only contradict it twice a second.
type Health struct {
	Timeout    time.Duration // of one call. A probe has twice as long. Set it before the first call
	ProbeEvery time.Duration // set it before Start

	client redis.UniversalClient
	log    *slog.Logger

	level    atomic.Int32 // a Level
	slow     atomic.Bool  // the newest failure was a timeout
	refusing atomic.Bool  // what every reader needs is refused
	failures atomic.Int64

	mu       sync.Mutex
	suspects [maxSuspects]time.Time // a ring
	next     int
	answered time.Time     // when the last answered probe ended
	changed  chan struct{} // closed when Redis goes down or comes back
	cause    error         // of Down
	parts    []func() string

	suspected chan struct{} // a probe is wanted at once
	refused   chan struct{} // a command was refused
	stop      context.CancelFunc
	tasks     sync.WaitGroup
}

// NewHealth returns a Health that probes with client, and begins Healthy. Nothing is probed before Start.
func NewHealth(client redis.UniversalClient, log *slog.Logger) *Health {
	return &Health{
		Timeout: CallTimeout, ProbeEvery: ProbeEvery,
		client: client, log: log, changed: make(chan struct{}), suspected: make(chan struct{}, 1), refused: make(chan struct{}, 1), stop: func() {},
	}
}

// Start begins to probe, until Stop. Call it once.
func (h *Health) Start(ctx context.Context) {
	ctx, h.stop = context.WithCancel(ctx)
	h.tasks.Go(func() { h.watch(ctx) })
}

// Stop ends the probes and waits for the one under way. Calls still work.
func (h *Health) Stop() {
	h.stop()
	h.tasks.Wait()
}

// Level returns what is known of Redis, and whether the newest failure was a timeout, which another try would cost again.
func (h *Health) Level() (level Level, slow bool) { return Level(h.level.Load()), h.slow.Load() }

// Down reports whether Redis does not answer probes.
func (h *Health) Down() bool { return Level(h.level.Load()) == Down }

// Usable reports whether Redis is Healthy, and does not refuse what every reader needs.
func (h *Health) Usable() bool { return Level(h.level.Load()) == Healthy && !h.refusing.Load() }

// Changed returns a channel that is closed the next time that Redis goes down or comes back. Ask for it before Down.
func (h *Health) Changed() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.changed
}

// Failures returns how many calls have failed.
func (h *Health) Failures() int64 { return h.failures.Load() }

// Do makes one call if Redis is Usable, and else returns ErrUnhealthy at once.
func (h *Health) Do(ctx context.Context, call func(context.Context) error) error {
	if !h.Usable() {
		return ErrUnhealthy
	}
	return h.Try(ctx, call)
}

// Try makes one call, whatever the level.
func (h *Health) Try(ctx context.Context, call func(context.Context) error) error {
	began := time.Now()
	limited, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	err := call(limited)
	if !gaveUp(ctx) {
		h.Report(began, err)
	}
	return err
}

// gaveUp reports whether the caller's time is over. It checks the deadline, too: the connection has the same deadline, and its
// timer may fire first.
func gaveUp(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

// Report takes in how a call ended that was not made by Do or Try.
func (h *Health) Report(began time.Time, err error) {
	if isRefusedCommand(err) {
		notify(h.refused)
	}
	if !isFailure(err) {
		return
	}
	h.failures.Add(1)
	h.mu.Lock()
	defer h.mu.Unlock()
	if began.Before(h.answered) {
		return
	}
	h.slow.Store(IsTimeout(err))
	if Level(h.level.Load()) == Healthy {
		h.suspectLocked(err)
	}
}

// suspectLocked has Redis probed, unless probes have contradicted too many suspicions lately.
func (h *Health) suspectLocked(cause error) {
	now := time.Now()
	h.suspects[h.next] = now
	h.next = (h.next + 1) % maxSuspects
	// The slot to be overwritten next is the oldest of the last five, this one included.
	if oldest := h.suspects[h.next]; !oldest.IsZero() && now.Sub(oldest) <= suspectsIn {
		h.setLocked(Down, cause)
		return
	}
	h.level.Store(int32(Suspect))
	notify(h.suspected)
}

// notify wakes the reader of a channel of size one. If the channel is full, the reader will wake anyway.
func notify(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (h *Health) setLocked(level Level, cause error) {
	before := Level(h.level.Swap(int32(level)))
	if (before == Down) == (level == Down) {
		return
	}
	close(h.changed)
	h.changed, h.cause = make(chan struct{}), cause
	if level == Down {
		h.log.Warn("Redis does not answer: going on without it", "error", cause)
	} else {
		h.suspects = [maxSuspects]time.Time{}
		h.log.Info("Redis answers again")
	}
}
