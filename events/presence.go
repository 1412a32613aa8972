package events

import (
	"cmp"
	"context"
	"slices"
	"time"

	"studychat/db"
)

const (
	// maxPresenceChats bounds to how many chats it is told that somebody opens or closes their feed: those with the latest
	// activity. Each costs one publication. To the others the viewer comes and goes unannounced, and Chat.online shows them.
	maxPresenceChats = 100

	// presenceTimeout bounds what leaving costs, since it has no caller's deadline.
	presenceTimeout = time.Second
)

// arrive enters the user into the registry and tells the chats if the user was not online there before. The returned
// function takes that back: it tells the chats that the user is in by then, which now finds out. Somebody who was removed
// meanwhile is not told about. The instance that dies tells nobody: then Chat.online is right after ConnectionTTL, and no
// PresenceChanged says so.
func (h *Hub) arrive(ctx context.Context, topic Topic, user string, chats []string, now func(ctx context.Context) ([]string, error)) (depart func()) {
	first, remove := h.registry.Add(ctx, topic, user)
	if first {
		h.tellPresence(ctx, user, chats, true)
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), presenceTimeout)
		defer cancel()
		if !remove(ctx) {
			return
		}
		release, err := h.slot(ctx)
		if err != nil {
			return
		}
		chats, err := now(ctx)
		release()
		if err == nil { // else unknown: rather say nothing than something wrong
			h.tellPresence(ctx, user, h.chatsWithout(ctx, user, chats), false)
		}
	}
}

// latestChats returns those of the user's chats that presence is told to.
func (h *Hub) latestChats(ctx context.Context, user string) ([]string, error) {
	heads, err := h.repo.FeedHeads(ctx, user, nil)
	if err != nil {
		return nil, err
	}
	return latest(heads), nil
}

// latest returns the ids of the chats with the latest activity.
func latest(heads []db.Head) []string {
	heads = slices.Clone(heads)
	slices.SortFunc(heads, func(a, b db.Head) int { return cmp.Or(b.LastAt.Compare(a.LastAt), cmp.Compare(b.ChatID, a.ChatID)) })
	ids := make([]string, 0, min(len(heads), maxPresenceChats))
	for _, head := range heads[:cap(ids)] {
		ids = append(ids, head.ChatID)
	}
	return ids
}

// memberOf returns the chat if the user is in it and it is not deleted, else nothing.
func (h *Hub) memberOf(ctx context.Context, user, chatID string) ([]string, error) {
	head, err := h.repo.Head(ctx, user, chatID)
	if err != nil || head.DeletedAt != nil {
		return nil, err
	}
	return []string{chatID}, nil
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
		publishPassing(ctx, h.bus, Passing{Kind: PresenceChanged, ChatID: id, User: user, At: h.repo.Now(), On: online})
	}
}
