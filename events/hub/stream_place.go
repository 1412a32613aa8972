package hub

import (
	"studychat/db"
	"studychat/events"
)

var (
	_ events.Placed = (*chatStream)(nil)
	_ events.Placed = (*feedStream)(nil)
)

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

// Place implements events.Placed. The cursor of a feed belongs to the goroutine that calls Next, and to follow it from outside
// would cost each event a lock; which chats wait says as much.
func (s *feedStream) Place() events.Place {
	s.chats.mu.Lock()
	defer s.chats.mu.Unlock()
	return events.Place{Chats: len(s.chats.all), Waiting: len(s.chats.ready)}
}
