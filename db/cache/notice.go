package cache

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"studychat/db"
)

// Reporter is where instances tell each other that their writes do not reach Redis: the database, which every write needs
// anyway. sqlstore.Store implements it, and says what an outage is.
type Reporter interface {
	ReportOutage(ctx context.Context, instance string, in, lasts time.Duration) error
	EndOutage(ctx context.Context, instance string) error
	ForgetOutage(ctx context.Context, outage db.Outage) error
}

// When a notice counts, and how it goes on.
const (
	noticeAfter   = time.Second            // a failure that is over before then costs the others nothing
	noticeCalm    = time.Second            // Redis has to be well for so long before the others use it again
	noticeLasts   = 10 * time.Second       // unless the instance renews it: one that does not is gone, or frozen
	noticeRenew   = time.Second            // between reports
	noticeTick    = 200 * time.Millisecond // between looks at whether it is over
	noticeTimeout = 500 * time.Millisecond // of one report. A write may wait for the first
)

// notice is what this instance tells the others of its writes that could not be marked.
//
// A write does not commit before its notice exists: unless there is one, the report is made inside Mark, over a connection of its
// own. So whatever becomes of this instance in the next moment, the others know that Redis may hold what the write
// replaced. It counts only a second later (noticeAfter), and is taken back at once if all was made good by then.
//
// It is taken back when Redis has been well for a second and everything that was written meanwhile is deleted there. Nothing
// old can have been filled in between and stay: a fill needs a lease, the deletion takes leases away, and a reader that gets one
// after that reads the database after it. If this instance dies first, or stops while it is cut off, the notice runs out and the
// others do the deleting (trust.go).
type notice struct {
	guard    *Guard
	reporter Reporter

	good atomic.Int64 // by Guard.now: until when the notice certainly exists, so that a write need not report

	writes sync.Mutex // guards the next two; after mu
	open   map[string]openWrite
	unwell time.Duration // when Redis was last not well

	mu      sync.Mutex // one report at a time; guards the rest
	stopped bool
	raised  bool          // there may be a notice
	begins  time.Duration // when it counts
	sent    time.Duration // when the last report was made
	failed  bool          // it was not acknowledged
	warned  bool
}

// openWrite is a write that is not marked, between Mark and its end. If the end does not come in time, because it is unknown
// whether it was committed, its keys are deleted once more when it can only have been.
type openWrite struct {
	keys  []string
	until time.Duration
}

// begin takes in a write that is about to commit although these keys are not marked. It returns once the other instances know
// of it, or cannot be told.
func (n *notice) begin(ctx context.Context, token string, keys []string) {
	n.writes.Lock()
	n.unwell = n.guard.now()
	n.open[token] = openWrite{keys, n.unwell + n.guard.options.MarkTTL}
	n.writes.Unlock()
	if n.exists() {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopped || n.exists() || n.failed && n.guard.now() < n.sent+noticeRenew {
		return
	}
	n.report(context.WithoutCancel(ctx))
}

// end removes a write whose keys are deleted, or remembered as pending.
func (n *notice) end(token string) {
	n.writes.Lock()
	defer n.writes.Unlock()
	delete(n.open, token)
}

func (n *notice) exists() bool { return int64(n.guard.now()) < n.good.Load() }

// report is called with n.mu held. If it fails, review repeats it a second later.
func (n *notice) report(ctx context.Context) {
	now := n.guard.now()
	if !n.raised {
		n.raised, n.begins = true, now+noticeAfter
	}
	n.sent = now
	ctx, cancel := context.WithTimeout(ctx, noticeTimeout)
	defer cancel()
	err := n.reporter.ReportOutage(ctx, n.guard.id, max(0, n.begins-now), noticeLasts)
	if n.failed = err != nil; n.failed {
		n.guard.options.Log.DebugContext(ctx, "the other instances cannot be told that writes do not reach Redis", "error", err)
		return
	}
	n.good.Store(int64(now + noticeLasts/2)) // an instance that was frozen reports again before it writes
}

// keep renews the notice and takes it back, until ctx ends.
func (n *notice) keep(ctx context.Context) {
	tick := time.NewTicker(noticeTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			n.review(ctx)
		}
	}
}

func (n *notice) review(ctx context.Context) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.raised {
		return
	}
	n.expire()
	now := n.guard.now()
	counts := now >= n.begins
	calm, well := n.well()
	switch {
	case well && (!counts || calm >= noticeCalm):
		n.takeBack(ctx)
	case now-n.sent >= noticeRenew:
		n.report(ctx)
	}
	if counts && !well && !n.warned && !n.guard.link.Health.Down() { // else that was logged
		n.warned = true
		n.guard.options.Log.Warn("writes do not reach Redis; no instance uses the cache", "instance", n.guard.id)
	}
}

// well reports whether Redis can hold no older version of what was written, and for how long that has been so.
func (n *notice) well() (since time.Duration, ok bool) {
	n.writes.Lock()
	defer n.writes.Unlock()
	if len(n.open) > 0 || !n.guard.pending.empty() || n.guard.link.Health.Down() {
		n.unwell = n.guard.now()
		return 0, false
	}
	return n.guard.now() - n.unwell, true
}

// expire deletes the keys of writes whose end was never reported.
func (n *notice) expire() {
	n.writes.Lock()
	defer n.writes.Unlock()
	now := n.guard.now()
	for token, write := range n.open {
		if now >= write.until {
			delete(n.open, token)
			n.guard.remember(write.keys, token)
		}
	}
}

// takeBack is called with n.mu held. A write that came meanwhile either sees that the notice may be gone, and waits for n.mu,
// or is seen here.
func (n *notice) takeBack(ctx context.Context) {
	good := n.good.Swap(0)
	if _, well := n.well(); !well {
		n.good.Store(good)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, noticeTimeout)
	defer cancel()
	if err := n.reporter.EndOutage(ctx, n.guard.id); err != nil {
		n.guard.options.Log.DebugContext(ctx, "the notice that writes do not reach Redis could not be taken back yet", "error", err)
		return
	}
	n.raised = false
	if n.warned {
		n.warned = false
		n.guard.options.Log.Info("writes reach Redis again", "instance", n.guard.id)
	}
}

// stop takes the notice back if there is nothing left to delete; else it runs out, and the others do what is left.
func (n *notice) stop(ctx context.Context) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stopped = true
	if n.raised {
		n.takeBack(ctx)
	}
}
