package hub

import (
	"context"
	"time"

	"studychat/db"
	"studychat/events"
)

// readHead reads how far the log reaches, and checks membership with it.
func (f *follower) readHead(ctx context.Context) (db.Head, error) {
	before, _ := f.topic.position()
	head, err := within(ctx, func(ctx context.Context) (db.Head, error) { return f.hub.repo.Head(ctx, f.viewer, f.topic.chatID) })
	if err == nil {
		f.check(head, before)
	}
	return head, err
}

// readStanding reads what the chat's log has for the viewer after the place, and how far it reaches.
func (f *follower) readStanding(ctx context.Context, place db.FeedPlace) (*db.Standing, error) {
	before, _ := f.topic.position()
	found, err := within(ctx, func(ctx context.Context) (*db.Standing, error) {
		return f.hub.repo.Standing(ctx, f.viewer, f.topic.chatID, place)
	})
	if err == nil {
		f.check(found.Head, before)
	}
	return found, err
}

// check notes a head that answered for the viewer, read after the topic was at the position.
func (f *follower) check(head db.Head, before position) {
	f.generation, f.checked = f.topic.observe(head, before), head.HeadSeq
}

// startAt begins just after a cursor. The head was read after the follower was registered.
func (f *follower) startAt(after db.Cursor, head db.Head) {
	f.cursor = after
	switch {
	case after.Epoch != head.Epoch:
		f.resetTo(events.OtherEpoch, live(head))
	case after.Seq > head.HeadSeq:
		f.resetTo(events.Ahead, live(head))
	case after.Seq < head.FloorSeq:
		f.resetTo(events.Expired, db.Cursor{ChatID: head.ChatID, Epoch: head.Epoch, Seq: head.FloorSeq})
	case head.DeletedAt != nil && after.Seq == head.HeadSeq:
		f.over, f.endedAt = true, *head.DeletedAt
	}
}

// startLive begins with what comes after a head of an unknown time.
func (f *follower) startLive(head db.Head) {
	f.check(head, f.topic.unplaced())
	f.cursor = live(head)
}

// live is the place from which only new events follow. In a deleted chat the deletion follows.
func live(head db.Head) db.Cursor {
	cursor := db.Cursor{ChatID: head.ChatID, Epoch: head.Epoch, Seq: head.HeadSeq}
	if head.DeletedAt != nil {
		cursor.Seq--
	}
	return cursor
}

// startInFeed begins a chat of a feed after the given place, but not before the viewer joined: a new member gets the joining first,
// and nothing earlier.
func (f *follower) startInFeed(found *db.Standing, from db.FeedPlace) {
	f.cursor = db.Cursor{ChatID: found.ChatID, Epoch: found.Epoch, Seq: max(from.Seq, found.Before, found.JoinedSeq-1)}
	switch {
	case found.Removed != nil:
		f.startMembership(found)
	case found.Member:
		f.startMember(found, from)
	default: // the viewer has everything
		f.cursor.Seq, f.over, f.endedAt = found.HeadSeq, true, found.LastAt
	}
}

// startMember begins a chat that the viewer is a member of. Pruned events may have been new to the client: then a reset comes first,
// unless everything that was pruned is older than what the client has. A deleted chat needs no reset: nothing is left to query.
func (f *follower) startMember(found *db.Standing, from db.FeedPlace) {
	at := f.cursor
	f.startAt(at, found.Head)
	if found.DeletedAt != nil || at.Seq != found.FloorSeq || at.Seq <= from.Seq || at.Seq < found.JoinedSeq {
		return
	}
	if from.Seq > 0 || found.FloorAt != nil && from.Since.Before(*found.FloorAt) {
		f.resetTo(events.Expired, at)
	}
}

// startMembership begins a membership that has ended, and leads up to the removal. A former member must not learn of anything
// that happened later, not even that the chat was deleted: if the events before the removal were pruned, the removal comes
// alone, without a reset. (If the viewer is a member again, the next membership begins after this one.)
func (f *follower) startMembership(found *db.Standing) {
	f.cursor.Seq = min(f.cursor.Seq, found.Removed.Seq-1) // the floor can be past the removal
	f.endWith(found.Removed, found.Head)
	if found.Member {
		f.redactFrom = time.Time{} // nothing is hidden from a member
	}
}

// startAgain makes a follower that has ended with the viewer's removal usable for another membership, and returns its place.
func (f *follower) startAgain() *db.FeedPlace {
	place := &db.FeedPlace{Since: f.removal.At, Seq: f.removal.Seq}
	f.over, f.until, f.removal = false, 0, nil
	return place
}

// reopen finds the place again after the log was replaced, and checks membership in the new log. It resets even if the cursor fits
// into the new log, whose earlier events may be different.
func (f *follower) reopen(ctx context.Context) error {
	head, err := f.readHeadAgain(ctx)
	if err != nil {
		f.over = db.CodeOf(err) == db.CodeNotFound
		return err
	}
	reason := events.Ahead
	if f.cursor.Epoch != head.Epoch {
		reason = events.OtherEpoch
	}
	f.resetTo(reason, live(head))
	return nil
}

// readHeadAgain repeats readHead until the database answers, in the current epoch.
func (f *follower) readHeadAgain(ctx context.Context) (db.Head, error) {
	f.batch = nil
	for attempt := 1; ; attempt++ {
		head, err := f.readHead(ctx)
		if err == nil && head.Epoch >= f.topic.knownEpoch() || db.CodeOf(err) == db.CodeNotFound {
			return head, err
		}
		if err := f.hub.pause(ctx, attempt); err != nil {
			return db.Head{}, err
		}
	}
}

// resetTo tells the client that continuity is lost, and continues from cursor.
func (f *follower) resetTo(reason events.ResetReason, cursor db.Cursor) {
	f.hub.stats.Resets.Of(string(reason)).Add(1)
	f.cursor, f.batch = cursor, nil
	f.pending = &events.Item{Cursor: cursor.String(), At: f.hub.repo.Now(), Reset: &events.Reset{ChatID: f.topic.chatID, Reason: reason}}
}
