package hub

import (
	"slices"

	"studychat/events"
)

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
