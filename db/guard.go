package db

import "context"

// WriteGuard is told of every write while the chat's row is locked, so that a cache never serves what the write replaced. One call tells
// of all writes of a transaction. db/cache implements it, the store calls it. (The mark has to be set inside the transaction: so this part of the cache is not a decorator.)
type WriteGuard interface {
	// Mark is called inside the transaction, with the chats' rows locked, before COMMIT is sent. When it returns, nothing older than
	// these writes can enter the cache any more, or the cache is unreachable and the guard remembers what to delete. It never fails a
	// write, and its time is bounded.
	//
	// The store calls finish exactly once, before it returns the writes' events and before those are published: with Committed or
	// RolledBack when the outcome is known, else with Unknown (the marks then expire by themselves).
	Mark(ctx context.Context, writes ...Write) (finish func(Outcome))
}

// Write is a write that is about to be committed.
type Write struct {
	ChatID string
	// Members are the users whose lists of chats change, including a removed member. In a chat of more than MaxGuardedMembers they are
	// only the user who joins or leaves; a write that crosses that limit names all members.
	Members []string
}

// MaxGuardedMembers bounds how many lists of chats a write invalidates. Lists with a larger chat are cached for a short time instead, so
// that messages of large chats stay cheap.
const MaxGuardedMembers = 100

// Outcome is how a transaction ended.
type Outcome int

// The outcomes.
const (
	Committed Outcome = iota
	RolledBack
	Unknown // the connection broke at COMMIT
)

// NoGuard guards nothing: for a store without a cache.
type NoGuard struct{}

// Mark does nothing.
func (NoGuard) Mark(context.Context, ...Write) func(Outcome) { return func(Outcome) {} }
