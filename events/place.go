package events

// Place is how far a stream has come, for people who want to know why one stopped.
type Place struct {
	ChatID  string // "" for a feed
	Cursor  string // as clients see it: after what was delivered; of a feed, after what Next returned last
	Behind  int64  // of a chat: how many durable events this instance has heard of that the stream has not delivered
	Chats   int    // of a feed
	Waiting int    // of a feed: the chats that may have something to deliver
}

// Placed is a Stream that tells its place. Any goroutine may ask, at any time; after the end, the answer is the last place.
type Placed interface {
	Stream

	Place() Place
}
