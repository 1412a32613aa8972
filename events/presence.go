package events

import (
	"context"
	"slices"
	"time"

	"studychat/db"
)

const (
	// maxPresenceChats bounds to how many chats it is told that somebody opens or closes their feed: who is in more
	// chats than this comes and goes unannounced, and Chat.online still shows them.
	maxPresenceChats = 100

	// presenceTimeout bounds what leaving costs, since it has no caller's deadline.
	presenceTimeout = time.Second
)

// arrive enters the user into the registry and tells the chats if the user was not online there before. The returned
// function takes that back. The instance that dies tells nobody: then Chat.online is right after ConnectionTTL, and no
// PresenceChanged says so.
func (h *Hub) arrive(ctx context.Context, topic Topic, user string, chats []string) (depart func()) {
	first, remove := h.registry.Add(ctx, topic, user)
	if len(chats) > maxPresenceChats {
		chats = nil
	}
	if first {
		h.tellPresence(ctx, user, chats, true)
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), presenceTimeout)
		defer cancel()
		if remove(ctx) {
			h.tellPresence(ctx, user, h.chatsWithout(ctx, user, chats), false)
		}
	}
}

// chatsWithout returns those of the chats where the user is not online in another way: who closes a chat may still follow
// their feed.
func (h *Hub) chatsWithout(ctx context.Context, user string, chats []string) []string {
	asked := make([]*db.Chat, len(chats))
	for i, id := range chats {
		asked[i] = &db.Chat{ID: id, Members: []*db.Member{{UserID: user}}}
	}
	online, err := h.registry.Online(ctx, asked)
	if err != nil {
		return nil // unknown: rather say nothing than something wrong
	}
	return slices.DeleteFunc(slices.Clone(chats), func(id string) bool { return len(online[id]) > 0 })
}

func (h *Hub) tellPresence(ctx context.Context, user string, chats []string, online bool) {
	for _, id := range chats {
		publishPassing(ctx, h.bus, Passing{Kind: PresenceChanged, ChatID: id, User: user, At: now(), On: online})
	}
}
