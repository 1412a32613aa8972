package events

import (
	"context"
	"time"

	"studychat/db"
)

// ConnectionTTL is how long a connection stays in the registry without a heartbeat of its instance, and Heartbeat is how often
// an instance sends one.
const (
	ConnectionTTL = 30 * time.Second
	Heartbeat     = 10 * time.Second
)

// Registry knows which users are connected to which topics at this moment, on every instance. The connections of a killed
// instance vanish after ConnectionTTL. It is a convenience and not the truth: without Redis it knows this process alone, and a
// question that cannot be asked elsewhere is answered from what this process knows.
//
// Implementations: NewMemoryRegistry and redisbus.NewRegistry.
type Registry interface {
	// Start begins the heartbeat. Stop ends it, removes this instance's connections and waits. It is idempotent.
	Start(ctx context.Context) error
	Stop()

	// Add registers a connection of the user to the topic, and reports whether it is the user's first one on any instance. The
	// connection lives until Remove, which is called once for each Add, and reports whether it was the user's last one. Both are
	// bounded in time and never fail.
	Add(ctx context.Context, topic Topic, user string) (first bool)
	Remove(ctx context.Context, topic Topic, user string) (last bool)

	// Online returns, for each of the chats, those of its Members who are connected to the chat or to their feed, in the order of
	// Members. It takes one round trip.
	Online(ctx context.Context, chats []*db.Chat) (map[string][]string, error)
}

// OnlineMembers lists the members of each chat who are connected to it, or to their feed, in the order of Members: what Online
// returns. Users who are connected but not members are not listed: a removed member's stream may end after the membership.
func OnlineMembers(chats []*db.Chat, connected func(topic Topic, user string) bool) map[string][]string {
	online := make(map[string][]string, len(chats))
	for _, chat := range chats {
		users := []string{}
		for _, m := range chat.Members {
			if connected(ChatTopic(chat.ID), m.UserID) || connected(UserTopic(m.UserID), m.UserID) {
				users = append(users, m.UserID)
			}
		}
		online[chat.ID] = users
	}
	return online
}
