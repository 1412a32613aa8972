package hub

import (
	"context"

	"studychat/db"
	"studychat/events"
)

// expire continues where the log now begins. The viewer's removal may be among the pruned events: then the follower leads up to
// it. (The stream of a chat skips the removal if the viewer is a member again; a feed delivers each membership.)
func (f *follower) expire(ctx context.Context) error {
	place := db.FeedPlace{Seq: f.cursor.Seq}
	if f.until == 0 {
		place.Seq = max(place.Seq, f.checked)
	}
	f.batch = nil
	for attempt := 1; ; attempt++ {
		now, err := f.readStanding(ctx, place)
		switch {
		case db.CodeOf(err) == db.CodeNotFound:
			f.over = true
			return err
		case err != nil, now.Epoch < f.topic.knownEpoch():
		case now.Removed != nil && (f.ofFeed || !now.Member):
			f.endWith(now.Removed, now.Head)
			return nil
		case now.Member:
			f.startAt(f.cursor, now.Head)
			return nil
		default:
			f.over = true
			return db.NotFound("chat")
		}
		if err := f.hub.pause(ctx, attempt); err != nil {
			return err
		}
	}
}

// endWith lets the follower continue up to the viewer's removal, and delivers the removal even if it was pruned. If other events
// were pruned, the stream of a chat resets, to a place before the removal. A feed does not: in a database that is never pruned, a
// reset would reveal that the chat was deleted since.
func (f *follower) endWith(removed *db.Event, head db.Head) {
	first := db.Cursor{ChatID: head.ChatID, Epoch: head.Epoch, Seq: min(head.FloorSeq, removed.Seq-1)}
	switch {
	case f.cursor.Seq >= first.Seq:
	case f.ofFeed:
		f.cursor, f.batch = first, nil
	default:
		f.resetTo(events.Expired, first)
	}
	if removed.Seq <= head.FloorSeq {
		f.batch = []*db.Event{removed}
	}
	f.until, f.redactFrom, f.checked = removed.Seq, removed.At, removed.Seq
}

// redacted is the event as the viewer may see it. The log has messages in their present form; a message that was edited after the
// viewer was removed looks deleted to them.
func (f *follower) redacted(event *db.Event) *db.Event {
	if f.until == 0 || f.redactFrom.IsZero() || event.Message == nil || event.Message.EditedAt == nil || event.Message.EditedAt.Before(f.redactFrom) {
		return event
	}
	shown := *event
	shown.Message = event.Message.Redacted(*event.Message.EditedAt)
	return &shown
}

// end returns where the follower has ended, and when. A log that was replaced by one without the viewer ends now.
func (f *follower) end() feedEnded {
	if f.endedAt.IsZero() {
		return feedEnded{f.cursor.Seq, f.hub.repo.Now()}
	}
	return feedEnded{f.cursor.Seq, f.endedAt}
}
