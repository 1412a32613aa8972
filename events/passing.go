package events

import (
	"slices"
)

// maxPassing bounds the passing events that a topic holds; the oldest make room.
const maxPassing = 128

// passingSet holds the newest passing event of each kind and user, in the order of arrival. Each arrival takes a stamp;
// a follower remembers the stamp it has seen, so nothing is queued for anybody.
type passingSet struct {
	stamp   int64
	entries []stamped // stamps rise
}

type stamped struct {
	Passing

	stamp int64
}

// put enters p in place of an older one of the same kind and user. It returns false for what is no news: the same event
// coming back over the network, or an older one that was overtaken.
func (s *passingSet) put(p Passing) bool {
	i := slices.IndexFunc(s.entries, func(e stamped) bool { return e.Kind == p.Kind && e.User == p.User })
	if i >= 0 {
		old := s.entries[i]
		if p.At.Before(old.At) || p.At.Equal(old.At) && p.On == old.On && p.ReadSeq == old.ReadSeq {
			return false
		}
		s.entries = slices.Delete(s.entries, i, i+1)
	}
	if len(s.entries) >= maxPassing {
		s.entries = slices.Delete(s.entries, 0, 1)
	}
	s.stamp++
	s.entries = append(s.entries, stamped{Passing: p, stamp: s.stamp})
	return true
}

// after returns the first event that arrived after the stamp.
func (s *passingSet) after(stamp int64) (stamped, bool) {
	i, _ := slices.BinarySearchFunc(s.entries, stamp+1, func(e stamped, at int64) int { return int(e.stamp - at) })
	if i == len(s.entries) {
		return stamped{}, false
	}
	return s.entries[i], true
}

// skipPassing leaves out the passing events so far: what they tell, the query has.
func (f *follower) skipPassing() {
	f.topic.mu.Lock()
	defer f.topic.mu.Unlock()
	f.passed = f.topic.passing.stamp
}
