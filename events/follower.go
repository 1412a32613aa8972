package events

import (
	"context"
	"io"
	"time"

	"studychat/db"
)

// follower is one viewer's place in one chat's log. It is a cursor and not a queue: events come from the topic's ring,
// or from the database when the place is behind the ring, at most one bounded read at a time.
//
// All fields but those of the topic belong to the goroutine that calls next.
type follower struct {
	hub    *Hub
	topic  *topic
	viewer string
	wake   func() // told by the topic, with its lock held: there may be news

	cursor     db.Cursor
	generation int64       // of the topic, when the cursor was last judged
	member     int64       // the log's head when membership was last checked: a removal up to here is past
	feed       bool        // it is one of a feed
	until      int64       // the last event that the viewer may see; 0 for no such bound
	untilAt    time.Time   // when that was: what was written later is not shown; zero when all is shown
	passed     int64       // stamp of the last passing event seen
	batch      []*db.Event // read and not yet delivered
	pending    *Item       // a reset that comes next
	over       bool
	removal    *db.Event // the viewer's own, with which it is over
	endedAt    time.Time // when that happened with which it is over
}

// readLimit is how many events a follower reads and holds at most.
const readLimit = 100

// follow registers a follower in the chat's topic. It gets news from now on; place must say where it stands.
func (h *Hub) follow(viewer, chatID string, wake func()) *follower {
	f := &follower{hub: h, viewer: viewer, wake: wake, topic: h.acquire(chatID)}
	t := f.topic
	t.mu.Lock()
	defer t.mu.Unlock()
	t.followers[f] = struct{}{}
	f.generation, f.passed = t.generation, t.passing.stamp
	return f
}

// leave takes the follower out of its topic. It may be called while next runs, once.
func (f *follower) leave() {
	t := f.topic
	t.mu.Lock()
	delete(t.followers, f)
	t.mu.Unlock()
	f.hub.release(t)
}

// head reads how far the log reaches and checks membership with it.
func (f *follower) head(ctx context.Context) (head db.Head, err error) {
	before := f.topic.mark()
	err = db.Within(ctx, readTimeout, func(ctx context.Context) (err error) {
		head, err = f.hub.repo.Head(ctx, f.viewer, f.topic.chatID)
		return err
	})
	if err != nil {
		return db.Head{}, err
	}
	f.generation = f.topic.observe(head, before)
	f.member = head.HeadSeq
	return head, nil
}

// place puts the follower just after a cursor, judged by a head that was read after it was registered.
func (f *follower) place(after db.Cursor, head db.Head) {
	f.cursor = after
	switch {
	case after.Epoch != head.Epoch:
		f.resetTo(OtherEpoch, live(head))
	case after.Seq > head.HeadSeq:
		f.resetTo(Ahead, live(head))
	case after.Seq < head.FloorSeq:
		f.resetTo(Expired, db.Cursor{ChatID: head.ChatID, Epoch: head.Epoch, Seq: head.FloorSeq})
	case head.DeletedAt != nil && after.Seq == head.HeadSeq:
		f.over, f.endedAt = true, *head.DeletedAt
	}
}

// live is the place from which there is nothing to tell but what comes. Of a deleted chat its end is told.
func live(head db.Head) db.Cursor {
	if head.DeletedAt != nil {
		return db.Cursor{ChatID: head.ChatID, Epoch: head.Epoch, Seq: head.HeadSeq - 1}
	}
	return db.Cursor{ChatID: head.ChatID, Epoch: head.Epoch, Seq: head.HeadSeq}
}

// resetTo says that continuity is lost and goes on from cursor.
func (f *follower) resetTo(reason ResetReason, cursor db.Cursor) {
	f.cursor, f.batch = cursor, nil
	f.pending = &Item{Cursor: cursor.String(), At: f.hub.repo.Now(), Reset: &Reset{ChatID: f.topic.chatID, Reason: reason}}
}

// next returns the next item, or false when there is none for now: wake tells when to ask again. It reads the database
// if it has to, for as long as that takes. Errors: io.EOF after the end, NOT_FOUND, ErrStopped, ctx's.
func (f *follower) next(ctx context.Context) (Item, bool, error) {
	for attempt := 0; ; attempt++ {
		if item := f.pending; item != nil {
			f.pending = nil
			return *item, true, nil
		}
		if f.over {
			return Item{}, false, io.EOF
		}
		seen := f.topic.look(f)
		var err error
		switch {
		case seen.restarted:
			err = f.reopen(ctx)
		case seen.event != nil:
			if item, ok := f.deliver(seen.event); ok {
				return item, true, nil
			}
		case seen.behind:
			err = f.read(ctx, attempt)
		case seen.passing != nil:
			return Item{Cursor: f.cursor.String(), At: seen.passing.At, Passing: seen.passing}, true, nil
		default:
			return Item{}, false, nil
		}
		if err != nil {
			return Item{}, false, err
		}
	}
}

// sight is what a follower sees when it looks at its topic: at most one thing.
type sight struct {
	restarted bool
	event     *db.Event
	behind    bool // there are events, but not in memory
	passing   *Passing
}

func (t *topic) look(f *follower) sight {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f.generation != t.generation || f.cursor.Epoch != t.epoch {
		return sight{restarted: true}
	}
	if len(f.batch) > 0 {
		event := f.batch[0]
		f.batch = f.batch[1:] // shared with those who read it together: never written to
		return sight{event: event}
	}
	if f.cursor.Seq < t.last {
		event := t.ring.at(f.cursor.Seq + 1)
		return sight{event: event, behind: event == nil}
	}
	if p, ok := t.passing.after(f.passed); ok && f.until == 0 {
		f.passed = p.stamp
		return sight{passing: &p.Passing}
	}
	return sight{}
}

// deliver moves the cursor over the event. That it is the very next one is asserted here, once for all
// ways that lead here: a fault of ours becomes a reset that the client sees, never a silent gap.
func (f *follower) deliver(event *db.Event) (Item, bool) {
	if event.Seq != f.cursor.Seq+1 || event.ChatID != f.topic.chatID {
		f.hub.log.Error("a stream was about to break its order", "chat", f.topic.chatID, "cursor", f.cursor.Seq,
			"next", event.Seq, "of", event.ChatID)
		f.resetTo(Expired, db.Cursor{ChatID: f.topic.chatID, Epoch: f.cursor.Epoch, Seq: max(event.Seq-1, f.cursor.Seq)})
		return Item{}, false
	}
	f.cursor.Seq = event.Seq
	removal := event.Left() == f.viewer
	switch {
	case event.IsLast(), removal && event.Seq > f.member, event.Seq == f.until:
		f.over, f.endedAt = true, event.At
		f.batch = nil
		if removal {
			f.removal = event
		}
	}
	return Item{Cursor: f.cursor.String(), At: event.At, Event: f.redactedFor(event)}, true
}

// read fetches the events after the cursor that the ring has no more. A database that fails is asked again.
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
	t := f.topic
	t.mu.Lock()
	defer t.mu.Unlock()
	t.offer(log, false)
	return nil
}

// reopen finds the place anew after the log was replaced, and checks membership in what it was replaced by.
func (f *follower) reopen(ctx context.Context) error {
	head, err := f.headAnew(ctx)
	if err != nil {
		f.over = db.CodeOf(err) == db.CodeNotFound
		return err
	}
	f.judgeRestart(head)
	return nil
}

// headAnew is head for a follower that stands somewhere: it asks until the database answers, of this epoch.
func (f *follower) headAnew(ctx context.Context) (db.Head, error) {
	f.batch = nil
	for attempt := 1; ; attempt++ {
		head, err := f.head(ctx)
		if err == nil && head.Epoch >= f.topic.knownEpoch() || db.CodeOf(err) == db.CodeNotFound {
			return head, err
		}
		if err := f.hub.pause(ctx, attempt); err != nil {
			return db.Head{}, err
		}
	}
}

// judgeRestart resets even where the cursor would fit into the new log: what stands before it may be another story.
func (f *follower) judgeRestart(head db.Head) {
	reason := Ahead
	if f.cursor.Epoch != head.Epoch {
		reason = OtherEpoch
	}
	f.resetTo(reason, live(head))
}
