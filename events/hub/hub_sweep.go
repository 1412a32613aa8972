package hub

import (
	"context"
	"time"

	"studychat/events"
)

// How often the hub asks what has changed, besides after each possible loss of notifications.
const (
	sweepHealthy  = 5 * time.Second // finds what a writer committed that died before it published
	sweepDegraded = 250 * time.Millisecond
	sweepFailing  = time.Second // while the database does not answer
	sweepPause    = 2           // times what the last sweep took: a slow database is not asked more often
)

// sweeper asks which chats have changed, and tells their topics (sweep_changes.go). That costs what happens, and not what is followed.
// Besides, it compares all topics with their heads, slowly (sweep_compare.go). It belongs to one goroutine.
type sweeper struct {
	*Hub
	failing bool
	took    time.Duration // by the last sweep
	reached reached
	turn    turn
}

// sweepUntil sweeps until ctx ends: at intervals that depend on the state of the bus, and after gaps. Sweeps never overlap.
func (h *Hub) sweepUntil(ctx context.Context) {
	s := &sweeper{Hub: h, turn: turn{at: time.Now()}}
	for s.wait(ctx) {
		began := time.Now()
		err := s.sweep(ctx)
		s.took = time.Since(began)
		s.stats.Sweeps.Observe(s.took)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !s.failing:
			h.log.Warn("the database does not answer: events may come late", "error", err)
		case err == nil && s.failing:
			h.log.Info("the database answers again")
		}
		s.failing = err != nil
	}
}

// wait waits until a sweep is due. It returns false when ctx has ended.
func (s *sweeper) wait(ctx context.Context) bool {
	kick, wait := s.kick, sweepHealthy
	if s.inHurry() {
		wait = sweepDegraded
	}
	if s.failing {
		kick, wait = nil, sweepFailing // a gap must not add load to a database that is down
	}
	timer := time.After(events.Jitter(max(wait, min(sweepPause*s.took, sweepHealthy))))
	for {
		select {
		case <-kick:
			if s.gap.Load() || s.inHurry() {
				return true
			}
		case <-timer:
			return true
		case <-ctx.Done():
			return false
		}
	}
}

// sweep looks at all chats, also after a gap in one partition: that costs the same.
func (s *sweeper) sweep(ctx context.Context) error {
	s.gap.Store(false) // what is lost from now on is for the next sweep
	if err := s.findChanges(ctx); err != nil {
		return err
	}
	return s.compareNext(ctx)
}
