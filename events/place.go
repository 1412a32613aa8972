package events

// Place is how far a stream has come, for people who want to know why one stopped.
type Place struct {
	ChatID  string // "" for a feed
	Cursor  string // of a chat: the place after what was delivered, as clients see it
	Behind  int64  // of a chat: how many durable events this instance has heard of that the stream has not delivered
	Chats   int    // of a feed
	Waiting int    // of a feed: the chats that may have something to deliver
}

// Placed is a Stream that tells its place. Any goroutine may ask, at any time. Nothing is counted for it while events flow.
type Placed interface {
	Stream

	Place() Place
}
