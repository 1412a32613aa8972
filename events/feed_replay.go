package events

import (
	"time"

	"studychat/db"
)

// replay is what a feed that goes on from a cursor tells first: all that happened before a fixed moment, chat by chat in the
// order of their ids. db.FeedReplay says why a replay gets to its end under any rhythm of cuts.
//
// Whatever happens after that moment waits until the replay is over: not here but in the log, so that it costs no memory.
type replay struct {
	until time.Time     // that moment, which is a horizon; zero when no replay is under way
	told  db.FeedReplay // how far it has got
	queue []*feedChat   // the chats that are still to be told, the first one's turn it is
}

// beginReplay begins a replay up to the horizon, or goes on with the one that the cursor tells of.
func (s *feedStream) beginReplay(horizon time.Time) {
	if s.told.Until.IsZero() {
		s.until = horizon
	} else {
		s.until = s.told.Until
	}
	if !s.until.After(s.at) { // the horizon has not moved since the cursor was made
		s.until, s.told = time.Time{}, db.FeedReplay{}
	}
}

// replayLater says from where a chat that changed since the cursor is told, and when.
func (s *feedStream) replayLater(c *feedChat) {
	id := c.topic.chatID
	switch {
	case s.until.IsZero():
		c.from = &db.FeedPlace{Since: s.at}
		s.enqueue(c)
	case id < s.told.ChatID: // told; what happened later is not part of the replay
		c.from = &db.FeedPlace{Since: s.until.Add(-db.FeedOverlap)}
		s.enqueue(c)
	case id == s.told.ChatID:
		c.from = &db.FeedPlace{Since: s.at, Seq: s.told.Seq}
		s.queue = append(s.queue, c)
	default:
		c.from = &db.FeedPlace{Since: s.at}
		s.queue = append(s.queue, c)
	}
}

// replays says whether it is the chat's turn in a replay.
func (s *feedStream) replays(c *feedChat) bool { return len(s.queue) > 0 && s.queue[0] == c }

// replayed notes in the cursor that the chat, whose turn it is, was told further, and ends its turn when it is told up to the
// moment. (The event of after that moment which shows it was told, too.)
func (s *feedStream) replayed(c *feedChat, item Item) {
	s.told = db.FeedReplay{Until: s.until, ChatID: c.topic.chatID, Seq: c.cursor.Seq}
	if item.Event != nil && !item.Event.At.Before(s.until) || c.cursor.Seq >= s.due[c.topic.chatID] {
		s.nextReplayed(c)
	}
}

// nextReplayed ends the chat's turn. What has been read of it is let go of: a feed holds what was read of one chat.
func (s *feedStream) nextReplayed(c *feedChat) {
	s.queue[0] = nil
	s.queue = s.queue[1:]
	s.current, c.batch = nil, nil
	s.enqueue(c)
	s.endReplay()
}

// endReplay moves the watermark once everything of before the moment is told.
func (s *feedStream) endReplay() {
	if s.until.IsZero() || len(s.queue) > 0 {
		return
	}
	if at := s.until.Add(-db.FeedOverlap); at.After(s.at) {
		s.at = at
	}
	s.replay = replay{}
}
