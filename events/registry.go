package events

import (
	"context"
	"time"

	"studychat/db"
)

// How long a connection is believed in without a word of its instance, and how often an instance gives its word.
const (
	ConnectionTTL = 30 * time.Second
	Heartbeat     = 10 * time.Second
)

// Registry knows who follows what at this moment, on every instance. Entries expire by themselves (ConnectionTTL)
// unless their instance keeps renewing them (Heartbeat), so the connections of a killed instance vanish. It is a
// convenience, not the truth: without Redis it knows this process alone.
//
// Implementations: NewMemoryRegistry and NewRedisRegistry.
type Registry interface {
	// Start begins the heartbeat; Stop ends it, takes this instance's entries out and waits. Idempotent.
	Start(ctx context.Context) error
	Stop()

	// Add enters a connection of user to topic and returns whether the user was not there before. The connection lives
	// until remove, which returns whether the user is gone from the topic. Both are bounded in time and never fail.
	Add(ctx context.Context, topic Topic, user string) (first bool, remove func(ctx context.Context) (last bool))

	// Counts returns how many streams there are, by transport. What cannot be asked is answered from what this process
	// knows.
	Counts(ctx context.Context) (Counts, error)

	// Online returns, for each of the chats, those of its Members who follow the chat or their feed, in the order of
	// Members, in one round trip. What cannot be asked is answered from what this process knows.
	Online(ctx context.Context, chats []*db.Chat) (map[string][]string, error)
}
