package hub

import (
	"cmp"
	"context"
	"slices"
	"time"

	"studychat/db"
	"studychat/events"
)

const (
	// maxPresenceChats is how many chats are told that a member opens or closes their feed: those with the latest activity. Each
	// costs one publication. The other chats are not told; Chat.online shows the member there too.
	maxPresenceChats = 100

	// presenceTimeout limits the work after a stream has closed, which has no caller's deadline.
	presenceTimeout = time.Second
)

// arrive registers a connection, and tells the chats if it is the user's first one.
func (h *Hub) arrive(ctx context.Context, topic events.Topic, user string, chats []string) {
	if h.registry.Add(ctx, topic, user) {
		h.tellPresence(ctx, user, chats, true)
	}
}

// depart removes a connection, and tells the chats that the user is a member of by then, which now returns. A chat is not told about
// a user who was removed meanwhile. When an instance dies, Chat.online is right after ConnectionTTL, without a PresenceChanged.
func (h *Hub) depart(topic events.Topic, user string, now func(ctx context.Context) ([]string, error)) {
	ctx, cancel := context.WithTimeout(context.Background(), presenceTimeout)
	defer cancel()
	if !h.registry.Remove(ctx, topic, user) {
		return
	}
	release, err := h.slot(ctx)
	if err != nil {
		return
	}
	chats, err := now(ctx)
	release()
	if err == nil { // if it is unknown, better nothing than something wrong
		h.tellPresence(ctx, user, h.chatsWithout(ctx, user, chats), false)
	}
}

// latest returns the ids of the chats with the latest activity: those that are told about the user's feed.
func latest(heads []db.Head) []string {
	heads = slices.Clone(heads)
	slices.SortFunc(heads, func(a, b db.Head) int { return cmp.Or(b.LastAt.Compare(a.LastAt), cmp.Compare(b.ChatID, a.ChatID)) })
	ids := make([]string, 0, min(len(heads), maxPresenceChats))
	for _, head := range heads[:cap(ids)] {
		ids = append(ids, head.ChatID)
	}
	return ids
}

// chatsWithout returns those of the chats where the user is not online otherwise: a user who closes a chat may still follow their
// feed.
func (h *Hub) chatsWithout(ctx context.Context, user string, chats []string) []string {
	asked := make([]*db.Chat, len(chats))
	for i, id := range chats {
		asked[i] = &db.Chat{ID: id, Members: []*db.Member{{UserID: user}}}
	}
	online, err := h.registry.Online(ctx, asked)
	if err != nil {
		return nil // if it is unknown, better nothing than something wrong
	}
	return slices.DeleteFunc(slices.Clone(chats), func(id string) bool { return len(online[id]) > 0 })
}

func (h *Hub) tellPresence(ctx context.Context, user string, chats []string, online bool) {
	for _, id := range chats {
		events.PublishEphemeral(ctx, h.bus, events.Ephemeral{Kind: events.PresenceChanged, ChatID: id, User: user, At: h.repo.Now(), On: online})
	}
}
