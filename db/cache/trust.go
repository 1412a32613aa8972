package cache

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"studychat/db"
	"studychat/redisconn"
)

const (
	// pulseAge is how long one pulse of the database allows serving from Redis, counted from when the pulse was asked for.
	//
	// It is the bound on stale reads: a write that could not be marked is not committed before its notice exists, so a pulse
	// that does not list the notice was asked for before the commit, and no read that begins 2 s after the commit relies on it.
	// (With pulses that come on time it is noticeAfter, one second.)
	pulseAge = db.PulseAge

	sweepTimeout = time.Minute // as long as anything lives in the cache
)

// trust is what this instance knows of the others: while the writes of one of them do not reach Redis, nothing is
// served from Redis.
type trust struct {
	until  atomic.Int64     // by Guard.now: until when Redis is trusted, unless the database says so again
	over   chan []db.Outage // for sweepAfter: notices whose instances are gone
	warned bool             // that some count; belongs to the goroutine that calls Pulse
}

// trustAlways is for a guard before StartSharing, and for one that never shares.
const trustAlways = math.MaxInt64

func (t *trust) holds(now func() time.Duration) bool {
	until := t.until.Load()
	return until == trustAlways || int64(now()) < until
}

// StartSharing begins to tell other instances of writes that do not reach Redis, and to hear of theirs: Pulse must be called
// from now on, and before its first call nothing is served from Redis. Call it once, before the first write, and stop after
// the last; stop waits.
func (g *Guard) StartSharing(ctx context.Context, reporter Reporter) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	n := &notice{guard: g, reporter: reporter, open: map[string]openWrite{}}
	g.notice.Store(n)
	g.trust.until.Store(0)
	var tasks sync.WaitGroup
	tasks.Go(func() { n.keep(ctx) })
	tasks.Go(func() { g.sweepForOthers(ctx, reporter) })
	return func() {
		cancel()
		tasks.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), 4*g.link.Health.Timeout+noticeTimeout)
		defer cancel()
		if !g.pending.empty() {
			_ = g.flush(ctx) // Stop says what remains
		}
		n.stop(ctx)
	}
}

// Pulse takes in the id of the database, and what the database says of all instances. It reports whether the writes of another
// instance do not reach Redis: what that instance publishes does not arrive either. It does not block. Calls must not overlap.
//
// While the id is new, an instance that does not know it may be writing, and marks the old names. So nothing is served or filled
// then: what the new names held could be stale. The other way round, what the old names hold is stale once an instance writes that
// marks the new names. So the store lists an outage before it renews the id, and no instance serves from the old names by then.
func (g *Guard) Pulse(p db.Pulse) (othersCutOff bool) {
	asked := p.Asked.Sub(g.born)
	until := asked + pulseAge
	if p.Renewed {
		until = 0
		g.trust.until.Store(0) // before the new names are in use
	}
	g.link.Names.Use(p.Database)
	var standing, over []db.Outage
	for _, o := range p.Outages {
		if o.Instance == g.id {
			continue
		}
		until = min(until, asked+max(0, o.In))
		if o.In <= 0 {
			standing = append(standing, o)
		}
		if o.Over {
			over = append(over, o)
		}
	}
	g.trust.until.Store(int64(until))
	g.logTrust(standing)
	if len(over) > 0 {
		select {
		case g.trust.over <- over:
		default: // a sweep is under way; if there is more to do, the next pulse says so
		}
	}
	return len(standing) > 0
}

// logTrust logs when the cache is out of use because of other instances, and when it is in use again. An instance that does not
// reach Redis itself has already logged that.
func (g *Guard) logTrust(standing []db.Outage) {
	switch {
	case len(standing) > 0 && !g.trust.warned && !g.link.Health.Down():
		g.trust.warned = true
		g.options.Log.Warn("the writes of other instances do not reach Redis; reading from the database",
			"instances", len(standing), "first", standing[0].Instance)
	case len(standing) == 0 && g.trust.warned:
		g.trust.warned = false
		g.options.Log.Info("the writes of all instances reach Redis again; the cache is in use")
	}
}

// sweepForOthers deletes what vanished instances may have left in Redis. A notice is forgotten only after all of Redis
// was swept by an instance that began when it was over, that is when all that its instance wrote was committed: what is filled
// behind the sweep is newer. All instances trust Redis again once the notice is gone.
func (g *Guard) sweepForOthers(ctx context.Context, reporter Reporter) {
	for {
		select {
		case <-ctx.Done():
			return
		case over := <-g.trust.over:
			g.sweepFor(ctx, reporter, over)
			select {
			case <-g.trust.over: // of a pulse meanwhile, which listed the same
			default:
			}
		}
	}
}

func (g *Guard) sweepFor(ctx context.Context, reporter Reporter, over []db.Outage) {
	ctx, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	if err := redisconn.EachMaster(ctx, g.link.Client, g.sweep); err != nil {
		g.options.Log.DebugContext(ctx, "the cache could not be cleared of what another instance left", "error", err)
		return // the next pulse lists it again
	}
	for _, o := range over {
		if err := reporter.ForgetOutage(ctx, o); err != nil {
			g.options.Log.DebugContext(ctx, "the notice of another instance could not be forgotten yet", "error", err)
			continue
		}
		g.options.Log.InfoContext(ctx, "the cache is cleared of what an instance may have left that is gone", "instance", o.Instance)
	}
}
