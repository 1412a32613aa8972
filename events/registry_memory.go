package events

import (
	"context"
	"sync"

	"studychat/db"
)

// memoryRegistry counts the connections of this process. Nothing expires: a connection that ends is removed by whoever
// owns it, and the process takes the registry with it.
type memoryRegistry struct {
	mu          sync.Mutex
	count       map[Topic]map[string]int // connections by topic and user
	byTransport map[string]int           // those that have been seen: a few
}

// NewMemoryRegistry returns a registry that knows this process alone.
func NewMemoryRegistry() Registry { return newMemoryRegistry() }

func newMemoryRegistry() *memoryRegistry {
	return &memoryRegistry{count: map[Topic]map[string]int{}, byTransport: map[string]int{}}
}

func (r *memoryRegistry) Start(context.Context) error { return nil }
func (r *memoryRegistry) Stop()                       {}

func (r *memoryRegistry) Add(ctx context.Context, topic Topic, user string) (bool, func(context.Context) bool) {
	transport := transportOf(ctx)
	first := r.change(topic, user, transport, +1) == 1
	var once sync.Once
	return first, func(context.Context) (last bool) {
		once.Do(func() { last = r.change(topic, user, transport, -1) == 0 })
		return last
	}
}

func (r *memoryRegistry) change(topic Topic, user, transport string, by int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byTransport[transport] += by
	users := r.count[topic]
	if users == nil {
		users = map[string]int{}
		r.count[topic] = users
	}
	users[user] += by
	left := users[user]
	if left == 0 {
		delete(users, user)
	}
	if len(users) == 0 {
		delete(r.count, topic)
	}
	return left
}

func (r *memoryRegistry) Online(_ context.Context, chats []*db.Chat) (map[string][]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return onlineMembers(chats, func(topic Topic, user string) bool { return r.count[topic][user] > 0 }), nil
}

// has says whether the user has a connection to the topic here.
func (r *memoryRegistry) has(topic Topic, user string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count[topic][user] > 0
}

// entry is a user's connections to a topic, however many.
type entry struct {
	topic Topic
	user  string
}

func (r *memoryRegistry) entries() []entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []entry
	for topic, users := range r.count {
		for user := range users {
			all = append(all, entry{topic, user})
		}
	}
	return all
}

// onlineMembers lists the members of each chat who follow it, or their feed, in the order of Members. Someone who follows
// without being a member is not listed: a removed member's stream may end a moment later than the membership.
func onlineMembers(chats []*db.Chat, follows func(topic Topic, user string) bool) map[string][]string {
	online := make(map[string][]string, len(chats))
	for _, chat := range chats {
		users := []string{}
		for _, m := range chat.Members {
			if follows(ChatTopic(chat.ID), m.UserID) || follows(UserTopic(m.UserID), m.UserID) {
				users = append(users, m.UserID)
			}
		}
		online[chat.ID] = users
	}
	return online
}
