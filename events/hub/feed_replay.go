package hub

import (
	"time"

	"studychat/db"
	"studychat/events"
)

// replay is the first part of a feed that continues from a cursor: everything that happened before a fixed moment, chat by chat in
// the order of their ids. db.FeedReplay says why a replay ends however often the client is disconnected.
//
// Whatever happens after that moment waits until the replay is over: in the log, so that it costs no memory.
type replay struct {
	until time.Time     // that moment, a horizon; zero when there is no replay
	told  db.FeedReplay // how far it has come
	queue []*feedChat   // the chats that were not completely replayed, the current one first
}

// beginReplay begins a replay up to the horizon, or continues the one of the cursor.
func (w *watermark) beginReplay(horizon time.Time) {
	if w.told.Until.IsZero() {
		w.until = horizon
	} else {
		w.until = w.told.Until
	}
	if !w.until.After(w.at) { // the horizon has not moved since the cursor was made
		w.until, w.told = time.Time{}, db.FeedReplay{}
	}
}

// endReplay moves the watermark once everything before the moment was delivered.
func (w *watermark) endReplay() {
	if w.until.IsZero() || len(w.queue) > 0 {
		return
	}
	w.advanceTo(w.until)
	w.replay = replay{}
}

// replays says whether the chat is the current one of a replay.
func (w *watermark) replays(c *feedChat) bool { return len(w.queue) > 0 && w.queue[0] == c }

// replayLater plans a chat that changed since the cursor: from which place, and whether in the replay or after it.
func (s *feedStream) replayLater(c *feedChat) {
	switch {
	case s.until.IsZero():
		c.from = &db.FeedPlace{Since: s.at}
		s.chats.enqueue(c)
	case c.id < s.told.ChatID: // already replayed: what happened later is not part of the replay
		c.from = &db.FeedPlace{Since: s.until.Add(-db.FeedOverlap)}
		s.chats.enqueue(c)
	case c.id == s.told.ChatID:
		c.from = &db.FeedPlace{Since: s.at, Seq: s.told.Seq}
		s.queue = append(s.queue, c)
	default:
		c.from = &db.FeedPlace{Since: s.at}
		s.queue = append(s.queue, c)
	}
}

// replayed notes in the cursor that an item of the current chat was delivered, and ends its turn once it has reached the moment.
// (The first event after the moment, which shows that, was delivered too.)
func (s *feedStream) replayed(c *feedChat, item events.Item) {
	s.told = db.FeedReplay{Until: s.until, ChatID: c.id, Seq: c.cursor.Seq}
	if item.Event != nil && !item.Event.At.Before(s.until) || c.cursor.Seq >= s.due[c.id] {
		s.nextReplayed(c)
	}
}

// nextReplayed ends the chat's turn. Its batch is dropped, because a feed holds the batch of one chat only.
func (s *feedStream) nextReplayed(c *feedChat) {
	s.queue[0] = nil
	s.queue = s.queue[1:]
	s.current = nil
	c.dropBatch()
	s.chats.enqueue(c)
	s.endReplay()
}
