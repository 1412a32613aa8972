package events

import (
	"context"

	"studychat/db"
)

// expire goes on where the log now begins. The viewer's removal may be among what is not kept any more, so it is looked for: then
// the stream goes on up to that. (The stream of a chat passes over it if the viewer is a member again; a feed tells each membership.)
func (f *follower) expire(ctx context.Context) error {
	place := db.FeedPlace{Seq: f.cursor.Seq}
	if f.until == 0 {
		place.Seq = max(place.Seq, f.member)
	}
	f.batch = nil
	for attempt := 1; ; attempt++ {
		now, err := f.standing(ctx, place)
		switch {
		case db.CodeOf(err) == db.CodeNotFound:
			f.over = true
			return err
		case err != nil, now.Epoch < f.topic.knownEpoch():
		case now.Removed != nil && (f.feed || !now.Member):
			f.endWith(now.Removed, now.Head)
			return nil
		case now.Member:
			f.place(f.cursor, now.Head)
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

// standing reads what the chat's log holds for the viewer after the place, and how far it reaches.
func (f *follower) standing(ctx context.Context, place db.FeedPlace) (found *db.Standing, err error) {
	before := f.topic.mark()
	err = db.Within(ctx, readTimeout, func(ctx context.Context) (err error) {
		found, err = f.hub.repo.Standing(ctx, f.viewer, f.topic.chatID, place)
		return err
	})
	if err != nil {
		return nil, err
	}
	f.generation = f.topic.observe(found.Head, before)
	f.member = found.HeadSeq
	return found, nil
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

// redactedFor is the event as the viewer may see it. The log shows messages as they are now; what was written into one after the
// viewer had been removed is not for them: to them the message is a deleted one.
func (f *follower) redactedFor(event *db.Event) *db.Event {
	if f.until == 0 || f.untilAt.IsZero() || event.Message == nil || event.Message.EditedAt == nil || event.Message.EditedAt.Before(f.untilAt) {
		return event
	}
	shown := *event
	shown.Message = event.Message.Redacted(*event.Message.EditedAt)
	return &shown
}
