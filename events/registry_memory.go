package events

import (
	"context"
	"maps"
	"slices"
	"sync"

	"studychat/db"
)

// MemoryRegistry is the Registry of this process alone. Nothing expires: each stream removes its own connection, and all are
// lost with the process.
type MemoryRegistry struct {
	mu    sync.Mutex
	count map[Connection]int
}

// Connection is what the registry counts: a user's connections to a topic.
type Connection struct {
	Topic Topic
	User  string
}

// NewMemoryRegistry returns a registry that knows this process alone.
func NewMemoryRegistry() *MemoryRegistry { return &MemoryRegistry{count: map[Connection]int{}} }

// Start implements Registry.
func (r *MemoryRegistry) Start(context.Context) error { return nil }

// Stop implements Registry.
func (r *MemoryRegistry) Stop() {}

// Add implements Registry.
func (r *MemoryRegistry) Add(_ context.Context, topic Topic, user string) (first bool) {
	return r.change(Connection{topic, user}, +1) == 1
}

// Remove implements Registry.
func (r *MemoryRegistry) Remove(_ context.Context, topic Topic, user string) (last bool) {
	return r.change(Connection{topic, user}, -1) == 0
}

func (r *MemoryRegistry) change(c Connection, by int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count[c] += by
	left := r.count[c]
	if left == 0 {
		delete(r.count, c)
	}
	return left
}

// Online implements Registry.
func (r *MemoryRegistry) Online(_ context.Context, chats []*db.Chat) (map[string][]string, error) {
	return OnlineMembers(chats, r.Has), nil
}

// Has reports whether the user has a connection to the topic in this process.
func (r *MemoryRegistry) Has(topic Topic, user string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count[Connection{topic, user}] > 0
}

// Connections returns every topic and user with a connection in this process, once each.
func (r *MemoryRegistry) Connections() []Connection {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Keys(r.count))
}
