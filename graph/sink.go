package graph

import "context"

// Sink is where the answers of one subscription go: one operation on one connection. Package transport implements it.
//
// Put and Offer are never called at the same time, nor by two goroutines: the goroutine that serves a subscription hands it over
// before another goroutine serves it. Both keep the order of their calls on the wire.
type Sink interface {
	// Put queues one answer and waits for room until ctx ends. The error is that of ctx, or says that the connection has
	// ended.
	Put(ctx context.Context, answer Answer) error

	// Offer queues all answers of a batch, or none, and never waits. It is false when the connection has no room now, or
	// has ended: then the subscription is served by Put, from a goroutine of its own, until the connection has caught up.
	Offer(batch *Batch) bool

	// End says that the stream has ended in order, after the last answer. It is not called when the client stopped the
	// operation, nor when the connection was disconnected.
	End()
}

// Answer is one event of a subscription as it is sent. Neither part may be changed: many connections share it.
type Answer struct {
	Payload []byte // a GraphQL response: {"data":…}
	Cursor  string // of the event, whatever the client selected
}

// Batch is what a group of subscriptions gets next: the same answers, in the same order, for each member.
type Batch struct {
	Answers []Answer

	// Frames belongs to package transport: what it has built for one member, it may use again for the next. One goroutine
	// at a time uses a batch.
	Frames any
}
