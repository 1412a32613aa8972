package events

import (
	"context"

	"studychat/db"
)

// start finds out where a chat's stream begins: after its newest event before c.since, but not before the viewer's own
// joining. A new member is told so first, and nothing of before: what came between two memberships was not for them, and
// what came before it in the earlier one, the chat that they now read anew shows. It happens when the chat's turn
// comes, so that a viewer of a thousand chats asks the database one question at a time.
func (s *feedStream) start(ctx context.Context, c *feedChat) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	head, err := c.head(ctx)
	if db.CodeOf(err) == db.CodeNotFound {
		return s.startEnded(ctx, c)
	}
	if err != nil {
		return err
	}
	from, err := s.from(ctx, c)
	if err != nil {
		return err
	}
	s.tellJoined(ctx, c, head)
	from = max(from, head.JoinedSeq-1)
	c.since = nil
	c.place(db.Cursor{ChatID: head.ChatID, Epoch: head.Epoch, Seq: from}, head)
	// What is not kept any more may have been new to the client. Of a deleted chat nothing is left to query: its end says it all,
	// and clients that query anew at each reset would be told of the deletion again and again while it lies in the overlap.
	if head.DeletedAt == nil && from > 0 && from == head.FloorSeq && from >= head.JoinedSeq {
		c.resetTo(Expired, c.cursor)
	}
	return nil
}

// startEnded begins the stream of a chat that the viewer is no member of any more: it ends at the viewer's last removal,
// and there is none at all if that was told before. Nothing tells them of anything that happened after it, not even that
// the chat was deleted: where the events before the removal are not kept, the removal comes alone, without a reset.
func (s *feedStream) startEnded(ctx context.Context, c *feedChat) error {
	head, removed, err := s.hub.repo.Departure(ctx, s.viewer, c.topic.chatID)
	if err != nil {
		return err
	}
	if e, ok := s.ended[c.topic.chatID]; ok && removed.Seq <= e.seq { // (a removal before the cursor is not looked for)
		c.since = nil
		c.cursor, c.over = db.Cursor{ChatID: head.ChatID, Epoch: head.Epoch, Seq: head.HeadSeq}, true
		return nil
	}
	from, err := s.from(ctx, c)
	if err != nil {
		return err
	}
	c.since = nil
	from = min(max(from, head.JoinedSeq-1), removed.Seq-1) // the floor, which from may be, can be past the removal
	c.cursor = db.Cursor{ChatID: head.ChatID, Epoch: head.Epoch, Seq: from}
	c.endWith(removed, head)
	return nil
}

// from is the number after which the chat is new to the client.
func (s *feedStream) from(ctx context.Context, c *feedChat) (int64, error) {
	if e, ok := s.ended[c.topic.chatID]; ok {
		return e.seq, nil
	}
	return s.hub.repo.SeqBefore(ctx, c.topic.chatID, *c.since)
}
