package db

import "context"

// WriteGuard is told of every write while the chat's row is locked, so that a cache can never serve what the write
// replaced: db/cache implements it, the store calls it. (The mark has to be set inside the transaction, which is why
// this one part of the cache is no decorator.)
type WriteGuard interface {
	// Mark is called inside the transaction, after the chat's row lock was taken and everything was written, just
	// before COMMIT. When it returns, nothing older than this write can be put into the cache any more, or the cache is
	// out of reach and the guard remembers what to delete. It never fails a write and is bounded in time.
	//
	// The store calls finish exactly once: with Committed or RolledBack once the outcome is known, with Unknown if it is
	// not (the mark then runs out by itself). finish is called before the write is answered and before it is published.
	Mark(ctx context.Context, write Write) (finish func(Outcome))
}

// Write says what is being written.
type Write struct {
	ChatID string
	// Members are those whose list of chats changes, a removed member included. In a chat of more than MaxGuardedMembers
	// only who comes or goes; a write that crosses that limit names everybody.
	Members []string
}

// MaxGuardedMembers bounds how many lists of chats a write invalidates. Above it, lists are cached only for
// a short time instead, so that a big chat's messages stay cheap.
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
func (NoGuard) Mark(context.Context, Write) func(Outcome) { return func(Outcome) {} }
