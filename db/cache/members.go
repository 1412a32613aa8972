package cache

import (
	"context"

	"studychat/db"
)

// Writes to a chat of more than db.MaxGuardedMembers mark no list of chats, not even that of the user who joins or
// leaves. The list of one who joins does not hold the chat yet, so that nothing would shorten its life (see listTTL); and
// one who was removed should not see the chat for longer than need be. So these writes delete that one list after
// the commit. This is late for a mark (a reader may see new and then old while the write is under way) but in time for the
// answer: a lease that was taken before is deleted too, and refuses its fill.

// AddMember implements db.Repository.
func (c *Cache) AddMember(ctx context.Context, viewer, chatID, user string) (*db.Event, error) {
	defer c.dropList(ctx, user)
	return c.Repository.AddMember(ctx, viewer, chatID, user)
}

// RemoveMember implements db.Repository.
func (c *Cache) RemoveMember(ctx context.Context, viewer, chatID, user string) (*db.Event, error) {
	defer c.dropList(ctx, user)
	return c.Repository.RemoveMember(ctx, viewer, chatID, user)
}

// LeaveChat implements db.Repository.
func (c *Cache) LeaveChat(ctx context.Context, viewer, chatID string) (*db.Event, error) {
	defer c.dropList(ctx, viewer)
	return c.Repository.LeaveChat(ctx, viewer, chatID)
}

// dropList runs after errors too: the outcome may be unknown, and deleting is always safe.
func (c *Cache) dropList(ctx context.Context, user string) {
	c.guard.finish(context.WithoutCancel(ctx), []string{c.guard.keys.list(user)}, newToken(), false)
}
