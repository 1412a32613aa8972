package events

import (
	"context"
	"time"

	"studychat/db"
)

// start finds out where a chat's stream begins: after c.from, but not before the viewer's own joining. A new member is told so
// first, and nothing of before. It happens when the chat's turn comes, so that a viewer of a thousand chats asks the database one
// question at a time.
//
// One snapshot tells everything. Membership, removal and log that are read one after the other belong to different moments: who is
// removed, added again or sees the chat deleted in between would be told of less than they have to know.
func (s *feedStream) start(ctx context.Context, c *feedChat) error {
	found, err := c.standing(ctx, *c.from)
	if err != nil {
		return err
	}
	if found.Epoch != s.epoch {
		s.broken = true
		return nil
	}
	from := *c.from
	c.from = nil
	c.cursor = db.Cursor{ChatID: found.ChatID, Epoch: found.Epoch, Seq: max(from.Seq, found.Before, found.JoinedSeq-1)}
	switch {
	case found.Removed != nil:
		s.startMembership(c, found)
	case found.Member:
		s.tellJoined(ctx, c, found.Head)
		s.startMember(c, found, from)
	default: // all that is there for the viewer was told
		c.cursor.Seq, c.over, c.endedAt = found.HeadSeq, true, found.LastAt
	}
	return nil
}

// startMember begins the stream of a chat that the viewer is in. What is not kept any more may have been new to the client: it is
// told so, unless everything that was pruned is older than what the client has. Of a deleted chat nothing is left to query: its end
// says it all.
func (s *feedStream) startMember(c *feedChat, found *db.Standing, from db.FeedPlace) {
	at := c.cursor
	c.place(at, found.Head)
	if found.DeletedAt != nil || at.Seq != found.FloorSeq || at.Seq <= from.Seq || at.Seq < found.JoinedSeq {
		return
	}
	if from.Seq > 0 || found.FloorAt != nil && from.Since.Before(*found.FloorAt) {
		c.resetTo(Expired, at)
	}
}

// startMembership begins the stream of a membership that has ended: it goes up to the removal. Nothing tells a former member of
// anything that happened after it, not even that the chat was deleted: where the events before the removal are not kept, the removal
// comes alone, without a reset. (If the viewer is a member again, the next membership begins when this one is told.)
func (s *feedStream) startMembership(c *feedChat, found *db.Standing) {
	c.cursor.Seq = min(c.cursor.Seq, found.Removed.Seq-1) // the floor can be past the removal
	c.endWith(found.Removed, found.Head)
	if found.Member {
		c.untilAt = time.Time{} // nothing is hidden from a member
	}
}

// startAgain looks whether the viewer, whose membership has ended, is a member of the chat again. They may have been added before
// the removal was told, so that nobody says so any more.
func (s *feedStream) startAgain(c *feedChat) {
	c.from = &db.FeedPlace{Since: c.removal.At, Seq: c.removal.Seq}
	c.over, c.until, c.removal = false, 0, nil
}
