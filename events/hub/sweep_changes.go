package hub

import (
	"context"
	"time"

	"studychat/db"
	"studychat/events"
	"studychat/events/hub/delivery"
)

const (
	sweepReach   = 2 * time.Second // how far two sweeps overlap at most, unless the second is a far one
	sweepFar     = 4 * time.Second // between far sweeps: less than the least pause of a healthy hub
	sweepMemory  = time.Minute     // how far back a far sweep reads at most
	sweepChanges = 10_000          // chats that one sweep takes
)

// reached is how far sweeps have read the log of all chats. Its times are the database's, except for farAt.
//
// An event is stamped before it is committed. A sweep begins at the horizon of the one before, since that one saw everything with an
// earlier stamp (db.Clock). A transaction that stays open holds the horizon back: meanwhile sweeps overlap by sweepReach only, and a
// far one follows when the horizon has moved on.
//
// A far sweep begins at the horizon of the last far one, less what the database's clock may be set back by.
type reached struct {
	near, far time.Time // where the next sweep begins, and the next far one, which overlaps
	held      bool      // the horizon was too old to begin there
	farAt     time.Time // when the last far sweep was, by this machine
	epoch     int64
}

// since says where the next sweep begins, and whether it is a far one.
func (r *reached) since(horizon, now time.Time) (since time.Time, far bool) {
	movedOn := r.held && !horizon.Before(now.Add(-sweepReach))
	if movedOn || time.Since(r.farAt) >= sweepFar {
		return r.far.Add(-db.FeedOverlap), true
	}
	return r.near, false
}

// swept notes a sweep. The times are from before it.
func (r *reached) swept(horizon, now time.Time, far bool) {
	r.near = now.Add(-sweepReach)
	if r.held = horizon.Before(r.near); !r.held {
		r.near = horizon
	}
	if far {
		r.far, r.farAt = horizon, time.Now()
	}
}

// findChanges tells the topics of the chats that have changed. When there may be too much to read, it compares all heads instead.
func (s *sweeper) findChanges(ctx context.Context) error {
	horizon, now := s.repo.Horizon(), s.repo.Now() // before the topics: one that comes later reads its head after the horizon
	if !s.followed() {
		s.reached.swept(horizon, now, true)
		return nil
	}
	since, far := s.reached.since(horizon, now)
	if far && since.Before(now.Add(-sweepMemory)) {
		return s.compareAll(ctx, horizon, now)
	}
	found, err := within(ctx, func(ctx context.Context) (db.Changes, error) { return s.repo.Changes(ctx, since, sweepChanges) })
	if err != nil {
		return err
	}
	if len(found.Heads) == sweepChanges {
		return s.compareAll(ctx, horizon, now)
	}
	for id, seq := range found.Heads {
		if t := s.topic(id); t != nil {
			t.notify(events.Notification{Topic: events.ChatTopic(id), Epoch: found.Epoch, Seq: seq}, delivery.Sweep)
		}
	}
	if far || found.Epoch != s.reached.epoch {
		if err := s.compareOlder(ctx, found.Epoch); err != nil {
			return err
		}
	}
	s.reached.epoch = found.Epoch
	s.reached.swept(horizon, now, far)
	return nil
}

// followed says whether there are topics.
func (h *Hub) followed() bool {
	h.topicsMu.RLock()
	defer h.topicsMu.RUnlock()
	return len(h.topics) > 0
}
