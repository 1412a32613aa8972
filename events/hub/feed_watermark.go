package hub

import (
	"time"

	"studychat/db"
	"studychat/events"
)

// watermark is the time before which a feed has delivered everything. All its times are the database's.
//
// It moves in rounds. A refresh asks for the horizon, a time before which no further commit can be stamped (db.Clock), and then
// reads the heads of all chats that changed. Once each follower has reached its head of that read, everything before the horizon
// is delivered, and the watermark is the horizon minus db.FeedOverlap. A horizon that does not move, because a transaction is
// open, makes the feed read more than once, and has no other effect.
type watermark struct {
	user  string
	epoch int64
	at    time.Time            // the watermark
	round time.Time            // the horizon of the current round; zero between rounds
	due   map[string]int64     // by chat, the sequence number to reach in this round
	ended map[string]feedEnded // chats that ended lately
	since time.Time            // the next refresh looks for changes since then
	replay
}

// feedEnded is where a chat of the feed ended, so that later refreshes do not deliver it again.
type feedEnded struct {
	seq int64
	at  time.Time // when the event happened that ended it, or later
}

// cursor is the place of the feed, as clients see it.
func (w *watermark) cursor() string {
	return db.FeedCursor{User: w.user, Epoch: w.epoch, At: w.at, Replay: w.told}.String()
}

// remember notes the end of a chat, and forgets the ends that no refresh can find any more.
func (w *watermark) remember(chatID string, e feedEnded) {
	w.ended[chatID] = e
	for id, e := range w.ended {
		if e.at.Before(w.since) {
			delete(w.ended, id)
		}
	}
}

// progress notes how far a chat has come, and closes the round if it was the last one.
func (w *watermark) progress(c *feedChat) {
	if c.from == nil && c.cursor.Seq >= w.due[c.id] {
		delete(w.due, c.id)
	}
	w.closeRound()
}

func (w *watermark) closeRound() {
	if len(w.due) > 0 || len(w.queue) > 0 || w.round.IsZero() {
		return
	}
	w.advanceTo(w.round)
	w.round = time.Time{}
}

// advanceTo moves the watermark up to a horizon.
func (w *watermark) advanceTo(horizon time.Time) {
	if at := horizon.Add(-db.FeedOverlap); at.After(w.at) {
		w.at = at
	}
}

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
	c.from = &db.FeedPlace{Since: s.at}
	switch {
	case s.until.IsZero():
		s.chats.enqueue(c)
	case c.id < s.told.ChatID: // already replayed: what happened later is not part of the replay
		c.from.Since = s.until.Add(-db.FeedOverlap)
		s.chats.enqueue(c)
	default:
		if c.id == s.told.ChatID {
			c.from.Seq = s.told.Seq
		}
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
