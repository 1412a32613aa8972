package events

import (
	"context"
	"time"

	"studychat/db"
)

// Stream delivers one chat's log, or the feed of all the user's chats, to one subscriber.
//
// A stream is a cursor and not a queue: it holds at most one bounded read of events, so a slow reader costs no memory. One
// goroutine at a time may call Next. Any goroutine may call Close, more than once.
type Stream interface {
	// Next waits for the next item. Only the first item, and always, is Started. Then, for a chat, it returns every durable event
	// after the cursor once, in order, without a gap, with ephemeral events in between. It returns io.EOF after an event that ends
	// the stream (db.Event.Ends), after a reset that skipped such an event, and after Close; ctx's error when ctx ends; NOT_FOUND
	// when the log was replaced and the viewer is not a member in the new one; and ErrStopped when the hub stops. If the database
	// does not answer, Next waits.
	Next(ctx context.Context) (Item, error)
	// Close ends the stream and releases everything.
	Close()
}

// ErrStopped says that this instance stops. The client may resume at another instance with its cursor.
var ErrStopped error = &db.Error{Code: db.CodeUnavailable, Message: "The server is going away: come back with the last cursor."}

// Item is what a stream delivers: exactly one of Started, Event, Ephemeral and Reset is set.
type Item struct {
	Cursor    string    // the place after this item, as clients see it
	At        time.Time // when it happened
	Started   *Started
	Event     *db.Event
	Ephemeral *Ephemeral
	Reset     *Reset
}

// Started says where the stream begins: at Item.Cursor. It comes first, so that a client which is disconnected before the first
// event can resume. If the stream cannot continue from the client's cursor, Item.Cursor is that cursor nevertheless, and a Reset
// follows: a client which is disconnected between the two gets the reset when it resumes.
type Started struct {
	ChatID  string // "" for a feed
	Resumed bool   // the stream continues from the client's cursor without a gap
}

// Reset says that the stream could not continue without a gap. It continues from Item.Cursor.
type Reset struct {
	ChatID string // "" for the whole feed
	Reason ResetReason
}

// ResetReason is why continuity was lost.
type ResetReason string

// The reasons.
const (
	Expired    ResetReason = "EXPIRED" // events after the cursor were pruned
	Ahead      ResetReason = "AHEAD"   // the cursor is ahead of the log
	OtherEpoch ResetReason = "EPOCH"   // the cursor is of another history
)
