package graph

import "context"

// Cursors tells a transport the cursor of each event that it gets from a subscription, whatever the client selected:
// EventSource needs it as the event's id.
//
// The subscription pushes an event's cursor before it hands the event to the executor, which takes one at a time; so when
// the transport holds the answer, the first cursor in the queue is that answer's.
//
// Ahead of all events it tells from where the stream goes on, so that a client that is cut before the first one can come
// back.
type Cursors struct {
	queue   chan string
	started func(cursor string)
}

// NewCursors makes an empty queue. It holds two: the event in the executor and the one behind it. started is called at most
// once, before the subscription hands over its first event; it is not called for what is no subscription, or is refused.
func NewCursors(started func(cursor string)) *Cursors {
	return &Cursors{queue: make(chan string, 2), started: started}
}

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
	resumeKey  struct{}
)

// WithCursors asks the subscription run with ctx for its cursors. Next must be called after each answer.
func WithCursors(ctx context.Context, c *Cursors) context.Context {
	return context.WithValue(ctx, cursorsKey{}, c)
}

// tellStart is for a subscription, which says from where it goes on before anything else.
func tellStart(ctx context.Context, cursor string) {
	if c, ok := ctx.Value(cursorsKey{}).(*Cursors); ok {
		c.started(cursor)
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
