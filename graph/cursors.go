package graph

import (
	"context"
	"sync"
)

// Cursors tells a transport the cursor of each event that it gets from a subscription, whatever the client selected:
// EventSource needs it as the event's id.
//
// The subscription pushes an event's cursor before it hands the event to the executor, which takes one at a time; so when
// the transport holds the answer, the first cursor in the queue is that answer's.
type Cursors struct{ queue chan string }

// NewCursors makes an empty queue. It holds two: the event in the executor and the one behind it.
func NewCursors() *Cursors { return &Cursors{make(chan string, 2)} }

// Next is the cursor of the answer that was just received, or "" if it was no event.
func (c *Cursors) Next() string {
	select {
	case cursor := <-c.queue:
		return cursor
	default:
		return ""
	}
}

type (
	cursorsKey struct{}
	startedKey struct{}
	resumeKey  struct{}
)

// WithCursors asks the subscription run with ctx for its cursors. Next must be called after each answer.
func WithCursors(ctx context.Context, c *Cursors) context.Context {
	return context.WithValue(ctx, cursorsKey{}, c)
}

// WithStarted asks the subscription run with ctx to say from where it goes on, as soon as that is settled and ahead of all
// events: what is committed from then on arrives, and a client that is cut before the first event comes back with the cursor.
// started is called at most once, and only for subscriptions. One that goes on from a cursor may be refused after it.
func WithStarted(ctx context.Context, started func(cursor string)) context.Context {
	var once sync.Once
	return context.WithValue(ctx, startedKey{}, func(cursor string) { once.Do(func() { started(cursor) }) })
}

// tellStart is for a subscription. "" is not a place.
func tellStart(ctx context.Context, cursor string) {
	if started, ok := ctx.Value(startedKey{}).(func(string)); ok && cursor != "" {
		started(cursor)
	}
}

// pushCursor is for a subscription; it waits only for a transport that does not call Next.
func pushCursor(ctx context.Context, cursor string) {
	c, ok := ctx.Value(cursorsKey{}).(*Cursors)
	if !ok {
		return
	}
	select {
	case c.queue <- cursor:
	case <-ctx.Done():
	}
}

// WithResume lets a transport say from where a subscription goes on; it wins over the argument `after`, which a browser
// that reconnects by itself repeats from its first request. An empty place is none.
func WithResume(ctx context.Context, after string) context.Context {
	return context.WithValue(ctx, resumeKey{}, after)
}

func resumeOr(ctx context.Context, after *string) *string {
	if resume, ok := ctx.Value(resumeKey{}).(string); ok && resume != "" {
		return &resume
	}
	return after
}
