package hub

import (
	"studychat/db"
	"studychat/events/hub/delivery"
)

// join adds a follower. It is woken by everything that happens from now on.
func (t *topic) join(f *follower) (generation, stamp int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.followers[f] = struct{}{}
	return t.generation, t.ephemeral.stamp
}

func (t *topic) leave(f *follower) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.followers, f)
}

// abandon is called when the last follower has left.
func (t *topic) abandon() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.abandoned = true
}

// wake tells the followers and the groups that there is news. Their wake functions do not block, and take no locks but their own.
func (t *topic) wake() {
	for f := range t.followers {
		f.wake()
	}
	for _, g := range t.groups {
		g.wakeLocked()
	}
}

// observation is what a follower finds in its topic: at most one thing.
type observation struct {
	restarted bool // the log was replaced
	event     *db.Event
	path      delivery.Path // of the event
	behind    bool          // there are events, but not in memory
	ephemeral *stamped
}

// peek looks for what follows the cursor, and for ephemeral events after the stamp.
func (t *topic) peek(generation int64, cursor db.Cursor, stamp int64) observation {
	t.mu.Lock()
	defer t.mu.Unlock()
	if generation != t.generation || cursor.Epoch != t.epoch {
		return observation{restarted: true}
	}
	if cursor.Seq < t.last {
		event := t.ring.at(cursor.Seq + 1)
		return observation{event: event, path: t.ring.path(cursor.Seq + 1), behind: event == nil}
	}
	if p, ok := t.ephemeral.after(stamp); ok {
		return observation{ephemeral: &p}
	}
	return observation{}
}

// offer appends those events of a log that come next here. If the log begins further on, because older events are not kept or
// were not asked for, the ring starts over: followers who are behind it read for themselves.
func (t *topic) offer(log *db.Log, skip bool) {
	if log.Epoch != t.epoch {
		return
	}
	before := t.last
	if log.FloorSeq > t.last {
		t.ring.clear()
		t.last = log.FloorSeq
	}
	if skip && len(log.Events) > 0 && log.Events[0].Seq > t.last+1 {
		t.ring.clear()
		t.last = log.Events[0].Seq - 1
	}
	for _, event := range log.Events {
		if event.Seq == t.last+1 {
			t.append(event, t.hint)
		}
	}
	if t.last > before {
		t.wake()
	}
}

// share is offer for a follower that has read the log for itself.
func (t *topic) share(log *db.Log) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.offer(log, false)
}

func (t *topic) knownEpoch() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.epoch
}

// stamp is the stamp of the newest ephemeral event.
func (t *topic) stamp() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ephemeral.stamp
}
