package hub

import (
	"slices"

	"studychat/db"
	"studychat/events"
	"studychat/events/hub/delivery"
)

// Bounds of what a topic keeps in memory. A follower that is further behind reads the database.
const (
	ringEvents = 256
	ringBytes  = 128 << 10 // estimated; the newest event is kept at any size
)

// ring is the newest stretch of a chat's log: consecutive, oldest first.
type ring struct {
	events []*db.Event
	paths  []delivery.Path // how each event came
	bytes  int
}

// add appends the next event, and drops the oldest ones as necessary.
func (r *ring) add(event *db.Event, path delivery.Path) {
	r.redact(event)
	r.events, r.paths = append(r.events, event), append(r.paths, path)
	r.bytes += sizeOf(event)
	for len(r.events) > ringEvents || r.bytes > ringBytes && len(r.events) > 1 {
		r.bytes -= sizeOf(r.events[0])
		r.events[0] = nil // the array outlives the slice for a while
		r.events, r.paths = r.events[1:], r.paths[1:]
	}
}

// path returns how the event with the sequence number came.
func (r *ring) path(seq int64) delivery.Path {
	if r.at(seq) == nil {
		return delivery.Unknown
	}
	return r.paths[seq-r.events[0].Seq]
}

// at returns the event with the sequence number, or nil if the ring does not have it.
func (r *ring) at(seq int64) *db.Event {
	if len(r.events) == 0 {
		return nil
	}
	i := seq - r.events[0].Seq
	if i < 0 || i >= int64(len(r.events)) {
		return nil
	}
	return r.events[i]
}

// after returns up to most events after the sequence number, or none if the ring does not have the next one.
func (r *ring) after(seq int64, most int) []*db.Event {
	if r.at(seq+1) == nil {
		return nil
	}
	from := int(seq + 1 - r.events[0].Seq)
	return slices.Clone(r.events[from:min(from+most, len(r.events))])
}

func (r *ring) clear() { *r = ring{} }

// redact makes earlier events show what a replay from the database shows after the coming event: edited or deleted text must not
// be delivered again. Events are shared, so they are replaced, never changed.
func (r *ring) redact(coming *db.Event) {
	if coming.Kind.Row().Redacts == db.RedactsNothing {
		return
	}
	r.bytes = 0
	for i, old := range r.events {
		r.events[i] = old.After(coming)
		r.bytes += sizeOf(r.events[i])
	}
}

// sizeOf estimates the memory that an event holds, in bytes.
func sizeOf(event *db.Event) int {
	const fixed = 400 // the structs and their short strings
	size := fixed + len(event.Title)
	if event.Message != nil {
		size += len(event.Message.Content)
	}
	return size
}

// maxEphemeral bounds the ephemeral events that a topic holds; the oldest make room.
const maxEphemeral = 128

// ephemeralSet holds the newest ephemeral event of each kind and user, in the order of arrival. Each arrival gets a stamp. A
// follower remembers the last stamp that it has seen, so it needs no queue.
type ephemeralSet struct {
	stamp   int64
	entries []stamped // stamps rise
}

type stamped struct {
	events.Ephemeral

	stamp int64
}

// put replaces the event of the same kind and user. It returns false if p is not news: the same event came back over the network,
// or p was overtaken by a newer one.
func (s *ephemeralSet) put(p events.Ephemeral) bool {
	i := slices.IndexFunc(s.entries, func(e stamped) bool { return e.Kind == p.Kind && e.User == p.User })
	if i >= 0 {
		old := s.entries[i]
		if p.At.Before(old.At) || p.At.Equal(old.At) && p.On == old.On && p.ReadSeq == old.ReadSeq {
			return false
		}
		s.entries = slices.Delete(s.entries, i, i+1)
	}
	if len(s.entries) >= maxEphemeral {
		s.entries = slices.Delete(s.entries, 0, 1)
	}
	s.stamp++
	s.entries = append(s.entries, stamped{Ephemeral: p, stamp: s.stamp})
	return true
}

// after returns the first event that arrived after the stamp.
func (s *ephemeralSet) after(stamp int64) (stamped, bool) {
	i, _ := slices.BinarySearchFunc(s.entries, stamp+1, func(e stamped, at int64) int { return int(e.stamp - at) })
	if i == len(s.entries) {
		return stamped{}, false
	}
	return s.entries[i], true
}

// allAfter returns the events that arrived after the stamp.
func (s *ephemeralSet) allAfter(stamp int64) []stamped {
	i, _ := slices.BinarySearchFunc(s.entries, stamp+1, func(e stamped, at int64) int { return int(e.stamp - at) })
	return slices.Clone(s.entries[i:])
}
