package hub

import (
	"context"
	"io"
	"time"

	"studychat/db"
	"studychat/events"
	"studychat/events/hub/delivery"
)

// follower is one viewer's place in one chat's log. It is a cursor and not a queue: events come from the topic's ring, or from the
// database when the place is behind the ring, one bounded read at a time.
//
// Only the methods in follower*.go write its fields. All of them but leave are called by the goroutine that calls next.
type follower struct {
	hub    *Hub
	topic  *topic
	viewer string
	ofFeed bool
	wake   func() // called by the topic, with its lock held, when there may be news

	cursor     db.Cursor
	generation int64        // of the topic, when the cursor was last checked
	checked    int64        // the log's head when membership was last checked: the viewer is a member in spite of earlier removals
	stamp      int64        // of the last ephemeral event that was delivered
	until      int64        // the last event that the viewer may see; 0 if there is no such limit
	redactFrom time.Time    // the viewer must not see what was written later; zero if there is no such limit
	batch      []*db.Event  // read and not yet delivered; shared with other followers, so never written to
	pending    *events.Item // a reset that comes next
	over       bool
	removal    *db.Event // the viewer's own, if it ended the follower
	endedAt    time.Time // when the event happened that ended the follower
}

// readLimit is how many events a follower reads and holds at most.
const readLimit = 100

// newFollower registers a follower in the chat's topic. It is woken from now on; one of the start methods must set its place.
func newFollower(h *Hub, viewer, chatID string, ofFeed bool, wake func()) *follower {
	f := &follower{hub: h, viewer: viewer, ofFeed: ofFeed, wake: wake, topic: h.acquire(chatID, ofFeed)}
	f.generation, f.stamp = f.topic.join(f)
	return f
}

// leave removes the follower from its topic. It may be called while next runs, and only once.
func (f *follower) leave() {
	f.topic.leave(f)
	f.hub.release(f.topic, f.ofFeed)
}

// next returns the next item, or false if there is none for now: wake tells when to ask again. It reads the database if
// necessary, for as long as that takes. Errors: io.EOF after the end, NOT_FOUND, ErrStopped, ctx's.
func (f *follower) next(ctx context.Context) (events.Item, bool, error) {
	for attempt := 0; ; attempt++ {
		if item := f.pending; item != nil {
			f.pending = nil
			return *item, true, nil
		}
		if f.over {
			return events.Item{}, false, io.EOF
		}
		found := f.observe()
		var err error
		switch {
		case found.restarted:
			err = f.reopen(ctx)
		case found.event != nil:
			if item, ok := f.deliver(found.event); ok {
				if found.event.Seq <= f.checked { // from before the viewer came
					found.path = delivery.Unknown
				}
				f.hub.count(found.event, found.path, 1)
				return item, true, nil
			}
		case found.behind:
			err = f.read(ctx, attempt)
		case found.ephemeral != nil:
			f.stamp = found.ephemeral.stamp
			f.hub.stats.Event(string(found.ephemeral.Kind), delivery.Unknown, 0, 1)
			return events.Item{Cursor: f.cursor.String(), At: found.ephemeral.At, Ephemeral: &found.ephemeral.Ephemeral}, true, nil
		default:
			return events.Item{}, false, nil
		}
		if err != nil {
			return events.Item{}, false, err
		}
	}
}

// observe looks into the batch and the topic.
func (f *follower) observe() observation {
	found := f.topic.peek(f.generation, f.cursor, f.stamp)
	switch {
	case found.restarted:
	case len(f.batch) > 0:
		found = observation{event: f.batch[0]}
		f.batch = f.batch[1:]
	case f.until != 0:
		found.ephemeral = nil // not for a former member
	}
	return found
}

// deliver moves the cursor over the event. It asserts that the event is the very next one, for all callers: an internal fault
// becomes a reset that the client sees, never a silent gap.
func (f *follower) deliver(event *db.Event) (events.Item, bool) {
	if event.Seq != f.cursor.Seq+1 || event.ChatID != f.topic.chatID {
		f.hub.log.Error("a stream was about to break its order", "chat", f.topic.chatID, "cursor", f.cursor.Seq,
			"next", event.Seq, "of", event.ChatID)
		f.resetTo(events.Expired, db.Cursor{ChatID: f.topic.chatID, Epoch: f.cursor.Epoch, Seq: max(event.Seq-1, f.cursor.Seq)})
		return events.Item{}, false
	}
	f.cursor.Seq = event.Seq
	removal := event.Left() == f.viewer
	switch {
	case event.IsLast(), removal && event.Seq > f.checked, event.Seq == f.until:
		f.over, f.endedAt = true, event.At
		f.batch = nil
		if removal {
			f.removal = event
		}
	}
	return events.Item{Cursor: f.cursor.String(), At: event.At, Event: f.redacted(event)}, true
}

// read fetches the events after the cursor that have left the ring. It repeats a failed read.
func (f *follower) read(ctx context.Context, attempt int) error {
	if attempt > 0 {
		if err := f.hub.pause(ctx, attempt); err != nil {
			return err
		}
	}
	log, err := f.hub.readShared(ctx, f.topic.chatID, f.cursor.Seq)
	switch {
	case db.CodeOf(err) == db.CodeNotFound:
		return f.reopen(ctx)
	case err != nil:
		return f.hub.gone(ctx)
	case log.Epoch != f.cursor.Epoch, log.HeadSeq < f.cursor.Seq:
		return f.reopen(ctx)
	case log.FloorSeq > f.cursor.Seq:
		return f.expire(ctx)
	}
	f.batch = log.Events
	f.topic.share(log)
	return nil
}

// skipEphemeral skips the ephemeral events so far: their content is in the answer to a query.
func (f *follower) skipEphemeral() { f.stamp = f.topic.stamp() }

// dropBatch forgets what was read, and not delivered yet. It is read again later.
func (f *follower) dropBatch() { f.batch = nil }
