package hub

import (
	"studychat/db"
	"studychat/events"
)

var (
	_ events.Shared = (*chatStream)(nil)
	_ events.Placed = (*chatStream)(nil)
	_ events.Placed = (*feedStream)(nil)
)

// seat is a stream's place in a group.
type seat struct {
	group  *group // nil while the stream is served alone; written under the topic's lock and the stream's
	index  int    // in group.members; guarded by the topic's lock
	member events.Member
}

// Join implements events.Shared. The comparison and the joining are one step under the topic's lock: no event can fall between.
func (s *chatStream) Join(audience events.Audience, member events.Member) bool {
	t := s.follower.topic
	t.mu.Lock()
	defer t.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.started != nil || !s.follower.shares() || s.hub.ctx.Err() != nil {
		return false
	}
	at, key := s.follower.offset(), audience.Key()
	g := t.groups[key]
	switch {
	case g != nil && g.at == at: // both may be behind the topic
	case at != t.offsetLocked():
		return false
	case g == nil:
		g = newGroup(t, key, audience, at)
		t.groups[key] = g
	default: // the stream is ahead of the group, which gets there
		g.stopAt(at.seq)
	}
	delete(t.followers, s.follower)
	s.follower.dropBatch() // the group reads for all
	s.news, s.woken = nil, false
	s.group, s.index, s.member = g, len(g.members), member
	g.members = append(g.members, s)
	return true
}

// receive passes a round on to the stream. ahead is the number that the stream has reached if it is ahead of the group, else 0. stays
// is false when the stream has to leave the group. The assertion is the follower's: what is delivered begins where the stream is.
func (s *chatStream) receive(g *group, r *round) (ahead int64, stays bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.group != g || s.closed {
		return 0, true
	}
	switch at := s.follower.offset(); {
	case at == r.before:
		if r.concerns(s.follower.viewer) || r.batch != nil && !s.member.Offer(r.batch) {
			return 0, false
		}
		r.taken++
		s.follower.moveTo(r.after)
		return 0, true
	case at.reached(r.after):
		return at.seq, true
	default: // the group has passed it
		return 0, false
	}
}

// dismiss makes the stream leave its group: it is served by Next from its place on.
func (s *chatStream) dismiss(g *group) {
	t := s.follower.topic
	t.mu.Lock()
	s.mu.Lock()
	member := s.member
	leaves := s.group == g && !s.closed
	if leaves {
		s.seeLocked()
		g.removeLocked(s)
		t.followers[s.follower] = struct{}{}
	}
	s.mu.Unlock()
	t.mu.Unlock()
	if leaves {
		member.Resume()
	}
}

// leaveGroup removes a closed stream from its group.
func (s *chatStream) leaveGroup() {
	t := s.follower.topic
	t.mu.Lock()
	defer t.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.group; g != nil {
		s.seeLocked()
		g.removeLocked(s)
		g.retireLocked()
	}
}

// seen is where a stream was when it was last locked by the goroutine that calls Next: the follower's own fields are that
// goroutine's. While the stream is in a group they are guarded by the stream's lock.
type seen struct{ epoch, seq int64 }

// seeLocked notes the place. Only the goroutine that may read the follower calls it.
func (s *chatStream) seeLocked() { s.seen = seen{s.follower.cursor.Epoch, s.follower.cursor.Seq} }

// Place implements events.Placed.
func (s *chatStream) Place() events.Place {
	s.mu.Lock()
	if s.group != nil {
		s.seeLocked()
	}
	at := s.seen
	s.mu.Unlock()
	t := s.follower.topic
	return events.Place{
		ChatID: t.chatID,
		Cursor: db.Cursor{ChatID: t.chatID, Epoch: at.epoch, Seq: at.seq}.String(),
		Behind: max(0, t.seen()-at.seq),
	}
}

// Place implements events.Placed.
func (s *feedStream) Place() events.Place {
	s.chats.mu.Lock()
	defer s.chats.mu.Unlock()
	return s.chats.placeLocked()
}
