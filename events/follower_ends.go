package events

import (
	"context"

	"studychat/db"
)

// expire goes on where the log now begins. The viewer's removal may be among what is not kept any more, so membership is
// checked again. (A follower whose end is a known removal goes on up to that.)
func (f *follower) expire(ctx context.Context) error {
	if f.until == 0 {
		now, err := f.headAnew(ctx)
		if err == nil {
			f.place(f.cursor, now)
			return nil
		}
		if db.CodeOf(err) != db.CodeNotFound {
			return err
		}
	}
	for attempt := 1; ; attempt++ {
		head, removed, err := f.departure(ctx)
		switch {
		case db.CodeOf(err) == db.CodeNotFound:
			f.over = true
			return err
		case err == nil && removed.Seq > f.cursor.Seq:
			f.endWith(removed, head)
			return nil
		case err == nil: // told before
			f.over = true
			return nil
		}
		if err := f.hub.pause(ctx, attempt); err != nil {
			return err
		}
	}
}

func (f *follower) departure(ctx context.Context) (head db.Head, removed *db.Event, err error) {
	err = db.Within(ctx, readTimeout, func(ctx context.Context) (err error) {
		head, removed, err = f.hub.repo.Departure(ctx, f.viewer, f.topic.chatID)
		return err
	})
	return head, removed, err
}

// endWith lets the follower go on up to the viewer's removal, which is still to be told: also where it is not kept in the log
// any more. What else is not kept the stream of a chat says by a reset, which leads no further than to the removal. A feed
// does not: where nothing is ever pruned, a reset would tell that the chat was deleted since.
func (f *follower) endWith(removed *db.Event, head db.Head) {
	first := db.Cursor{ChatID: head.ChatID, Epoch: head.Epoch, Seq: min(head.FloorSeq, removed.Seq-1)}
	switch {
	case f.cursor.Seq >= first.Seq:
	case f.feed:
		f.cursor, f.batch = first, nil
	default:
		f.resetTo(Expired, first)
	}
	if removed.Seq <= head.FloorSeq {
		f.batch = []*db.Event{removed}
	}
	f.until, f.untilAt, f.member = removed.Seq, removed.At, removed.Seq
}

// asOfThen is the event as the viewer may see it. The log shows messages as they are now; what was written into one
// after the viewer had been removed is not for them: to them the message is a deleted one.
func (f *follower) asOfThen(event *db.Event) *db.Event {
	if f.until == 0 || event.Message == nil || event.Message.EditedAt == nil || event.Message.EditedAt.Before(f.untilAt) {
		return event
	}
	shown, message := *event, *event.Message
	message.Content, message.DeletedAt = "", message.EditedAt
	shown.Message = &message
	return &shown
}
