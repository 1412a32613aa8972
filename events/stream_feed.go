package events

import (
	"context"

	"studychat/db"
)

type feedStream struct{}

func (h *Hub) refreshFeeds(user string) {}

// Feed follows all of the viewer's chats.
func (h *Hub) Feed(ctx context.Context, viewer string, after *db.FeedCursor) (Stream, error) {
	return nil, db.Unavailable(nil)
}
