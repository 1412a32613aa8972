package events

import (
	"context"
	"time"

	"studychat/db"
)

// Stream is one subscriber's way through one chat's log, or through the feed of all the user's chats.
//
// A stream is a cursor and not a queue: it holds no events of its own beyond one bounded read, so a slow reader costs
// nothing but its place. One goroutine may call Next at a time; Close may be called by any, more than once.
type Stream interface {
	// Next waits for the next item. The first is Started, always and only that one. Then, for a chat: every durable event after the cursor once, in order, without a gap;
	// passing events in between. It returns io.EOF after an event that ends the stream (db.Event.Ends), or after a reset
	// that skipped such an event; ctx's error when ctx ends; NOT_FOUND when the log was replaced and the viewer is no
	// member in the new one; and ErrStopped when the hub stops: the client may come back elsewhere with its cursor. A
	// database that does not answer is waited for, not reported. After Close it returns io.EOF.
	Next(ctx context.Context) (Item, error)
	// Close gives everything back.
	Close()
}

// ErrStopped says that this instance is going away. The client may come back elsewhere with its cursor.
var ErrStopped error = &db.Error{Code: db.CodeUnavailable, Message: "The server is going away: come back with the last cursor."}

// Item is what a stream delivers: exactly one of Started, Event, Passing and Reset is set.
type Item struct {
	Cursor  string    // where the stream stands after this item, as clients see it
	At      time.Time // when it happened
	Started *Started
	Event   *db.Event
	Passing *Passing
	Reset   *Reset
}

// Started says from where the stream goes on: Item.Cursor. It comes first, so that a client which is cut before the first
// event has a place to come back to. Where the cursor that the client gave cannot be kept to, Item.Cursor is still that
// cursor, and a Reset follows: a client which is cut between the two is told of the reset when it comes back.
type Started struct {
	ChatID  string // "" when it is the feed
	Resumed bool   // the stream goes on from the client's cursor without a gap
}

// Reset says that the stream could not go on without a gap. The stream goes on from Item.Cursor.
type Reset struct {
	ChatID string // "" when it is the whole feed
	Reason ResetReason
}

// ResetReason says why continuity was lost.
type ResetReason string

// The reasons.
const (
	Expired    ResetReason = "EXPIRED" // the events after the cursor are no longer kept
	Ahead      ResetReason = "AHEAD"   // the cursor is ahead of the log
	OtherEpoch ResetReason = "EPOCH"   // the cursor counts in another history
)
