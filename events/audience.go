package events

import "context"

// Shared is a Stream that can be served together with others: those whose subscribers asked alike get each item from one
// rendering. A subscriber calls Next until there is nothing to deliver, then Join, and needs no goroutine until Resume.
type Shared interface {
	Stream

	// Join hands the stream over to the group of the audience. It is false when Next has something to deliver now, or when the
	// stream has to be served by Next: then the caller goes on. When it is true, the caller must not call Next any more:
	// from now on member gets every item after the stream's place once, in order, until it is resumed.
	Join(audience Audience, member Member) bool

	// Leave is Close without waiting for what follows: the other members of the chat are told by a goroutine of the hub. When it
	// returns, nothing is offered any more.
	Leave()
}

// Audience is what the members of a group have in common: what they are shown of an item.
type Audience interface {
	// Key is equal for audiences that are shown the same. It must be comparable.
	Key() any

	// Render makes one batch for all members from the first n items. It is called without any lock and for one group by one
	// goroutine at a time, and may wait as long as ctx allows. n is 0 when the items cannot be shown now, because a dependency
	// does not answer: then each member is served alone. A nil batch means that there is nothing to show.
	Render(ctx context.Context, items []Item) (batch any, n int)
}

// Member is one subscriber in a group. Its methods are never called at the same time, nor after Close or Leave has returned.
type Member interface {
	// Offer passes on what Audience.Render made, completely or not at all, and never waits. If it is false, the member leaves the
	// group at its place before the batch.
	Offer(batch any) bool

	// Resume says that the stream has left its group: it must be served by Next again. It does not block, and may come while the
	// stream is closed.
	Resume()
}
