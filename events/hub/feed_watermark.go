package hub

import (
	"time"

	"studychat/db"
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
