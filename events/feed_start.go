package events

import (
	"context"
	"time"

	"studychat/db"
)

// start finds out where a chat's stream begins: after its newest event before c.since. It happens when the chat's turn
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
	c.since = nil
	c.place(db.Cursor{ChatID: head.ChatID, Epoch: head.Epoch, Seq: from}, head)
	if from > 0 && from == head.FloorSeq { // what is not kept any more may have been new to the client
		c.resetTo(Expired, c.cursor)
	}
	return nil
}

// startEnded begins the stream of a chat that the viewer is no member of any more: it ends at the viewer's last removal,
// and there is none at all if that was told before.
func (s *feedStream) startEnded(ctx context.Context, c *feedChat) error {
	from, err := s.from(ctx, c)
	if err != nil {
		return err
	}
	until, at, head, err := s.lastRemoval(ctx, c.topic.chatID, from)
	if err != nil {
		return err
	}
	c.since = nil
	if until == 0 {
		end := db.Cursor{ChatID: head.ChatID, Epoch: head.Epoch, Seq: head.HeadSeq}
		if from > 0 && from == head.FloorSeq { // the removal may be among what is not kept any more
			c.resetTo(Expired, end)
		}
		c.cursor, c.over = end, true
		return nil
	}
	c.cursor = db.Cursor{ChatID: head.ChatID, Epoch: head.Epoch, Seq: max(from, head.FloorSeq)}
	c.until, c.untilAt, c.member = until, at, until
	return nil
}

// from is the number after which the chat is new to the client.
func (s *feedStream) from(ctx context.Context, c *feedChat) (int64, error) {
	if e, ok := s.ended[c.topic.chatID]; ok {
		return e.seq, nil
	}
	return s.hub.repo.SeqBefore(ctx, c.topic.chatID, *c.since)
}

// lastRemoval returns the number and the time of the event that took the viewer out of the chat last, if it comes after
// the number after; else 0. (The event alone tells whether an ex-member may still see something: everything before it.)
func (s *feedStream) lastRemoval(ctx context.Context, chatID string, after int64) (seq int64, at time.Time, head db.Head, err error) {
	for {
		log, err := s.hub.readLog(ctx, chatID, after)
		if err != nil {
			return 0, at, db.Head{}, err
		}
		for _, event := range log.Events {
			if event.Kind == db.MemberRemoved && event.Ends(s.viewer) {
				seq, at = event.Seq, event.At
			}
			after = event.Seq
		}
		if len(log.Events) == 0 || after >= log.HeadSeq {
			return seq, at, log.Head, nil
		}
	}
}
