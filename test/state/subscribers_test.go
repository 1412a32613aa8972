package state

import (
	"context"
	"errors"
	"io"
	"time"

	"studychat/db"
	"studychat/events"
)

// patienceInCalm is how long one stream may take to deliver the next event when nothing fails any more: a sweep finds it
// within 6 s. (A client that reconnects sooner would hide a hub that never sweeps.)
const patienceInCalm = 8 * time.Second

// follow is one client that follows a chat over many streams: it connects, reads slowly, disconnects, and resumes at another
// instance with its cursor. When nothing fails any more, it must get everything that it may see.
func (r *run) follow(d *dice) {
	_ = pause(context.Background(), d.upTo(400*r.faults.unit))
	f := &follower{h: r.hist, viewer: oneOf(d, audience), chat: r.someChat(d)}
	switch d.n(3) {
	case 0: // from what a query showed: query and stream join without a gap
		if chat := r.readChat(d, f.viewer, f.chat); chat != nil {
			cursor := chat.Cursor()
			f.cursor = &cursor
		}
	case 1:
		f.cursor = &db.Cursor{ChatID: f.chat, Epoch: 1, Seq: int64(d.n(int(r.hist.head(f.chat)) + 1))}
	}
	for !f.over && !f.lost && !r.caughtUp(f) {
		r.oneStream(d, f)
	}
}

// caughtUp says whether there is nothing more to come for the subscriber.
func (r *run) caughtUp(f *follower) bool {
	if !r.faults.calm.Load() {
		return false
	}
	r.hist.mu.Lock()
	defer r.hist.mu.Unlock()
	c := r.hist.chat(f.chat)
	states, err := c.states()
	if err != nil {
		return f.place() == c.head // the history has holes, which is the counter that a control breaks
	}
	last := states[c.head]
	return f.place() == c.head || !last.members[f.viewer] || f.cursor == nil && last.deleted
}

// oneStream follows over one stream until it breaks, ends, or has been long enough.
func (r *run) oneStream(d *dice, f *follower) {
	in, done := r.pick(d)
	op := r.hist.begin("subscribe", f.chat, f.viewer)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	s, err := in.streams.Chat(ctx, f.viewer, f.chat, f.cursor)
	f.checked = r.headNow(in, f.chat)
	done()
	r.hist.note("%s subscribes to %s after %v: %v", f.viewer, name(f.chat), f.cursor, err)
	if err != nil {
		r.refused(op, err)
		_ = pause(context.Background(), d.upTo(400*r.faults.unit))
		return
	}
	defer s.Close()
	if f.viewer == "eve" {
		r.hist.problem("unauthorised: a stranger subscribes to %s", name(f.chat))
	}
	if f.cursor == nil {
		f.atMost = f.checked
	}
	if !r.starts(f, s) {
		_ = pause(context.Background(), d.upTo(400*r.faults.unit))
		return
	}
	for n := d.n(30); n >= 0 && !f.over && !r.caughtUp(f); n-- {
		if !r.oneItem(d, in, f, s) {
			return
		}
	}
}

// starts takes the first item, which says where the stream begins: at the subscriber's cursor, or now. A subscriber without a
// cursor has one from here on, and may be disconnected before the first event.
func (r *run) starts(f *follower, s events.Stream) bool {
	item, err := r.next(s, patienceInCalm)
	if err != nil {
		return false // the instance stops
	}
	if item.Started == nil || item.Started.ChatID != f.chat || item.Event != nil || item.Reset != nil || item.Ephemeral != nil {
		r.hist.problem("unresumable: a stream of %s began with %+v", name(f.chat), item)
		return false
	}
	cursor, err := db.ParseCursor("cursor", item.Cursor, f.chat)
	if err != nil {
		r.hist.problem("cursor: %v", err)
	}
	f.started(*item.Started, cursor)
	return true
}

// refused checks why a stream did not begin, or did not continue.
func (r *run) refused(op read, err error) {
	switch {
	case db.CodeOf(err) == db.CodeNotFound:
		r.hist.end(op, nil)
	case db.CodeOf(err) == db.CodeUnavailable: // the instance stops, or a read failed as it should
	default:
		r.hist.problem("%s: %v", op.how, err)
	}
}

// oneItem takes one item and says whether the stream continues.
func (r *run) oneItem(d *dice, in *instance, f *follower, s events.Stream) bool {
	op := r.hist.begin("Next", f.chat, f.viewer)
	patience := 1000 * r.faults.unit
	if r.faults.calm.Load() {
		patience = patienceInCalm
	}
	item, err := r.next(s, patience)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		if f.lost = patience == patienceInCalm && !r.caughtUp(f); f.lost {
			r.hist.problem("missed: %s of %s got no further than %d of %d", f.viewer, name(f.chat), f.place(), r.hist.head(f.chat))
		}
		return false
	case errors.Is(err, io.EOF):
		r.ended(f, op)
		return false
	case err != nil:
		r.refused(op, err)
		return false
	}
	cursor, err := db.ParseCursor("cursor", item.Cursor, f.chat)
	if err != nil {
		r.hist.problem("cursor: %v", err)
	}
	f.owes(item)
	switch {
	case item.Started != nil:
		r.hist.problem("unresumable: a stream of %s started again, at %v", name(f.chat), cursor)
	case item.Reset != nil:
		r.hist.note("%s of %s is reset to %v: %s", f.viewer, name(f.chat), cursor, item.Reset.Reason)
		f.reset(string(item.Reset.Reason), cursor)
		f.checked = r.headNow(in, f.chat) // a reset checks membership again
	case item.Event != nil:
		f.event(item.Event, cursor)
		if e := item.Event; e.Ends(f.viewer) && e.Kind != db.ChatDeleted && e.Seq > f.checked {
			if item, err := r.next(s, patience); !errors.Is(err, io.EOF) && db.CodeOf(err) != db.CodeUnavailable {
				r.hist.problem("unauthorised: after the removal of %s with number %d of %s came %+v, %v", f.viewer, e.Seq, name(f.chat), item, err)
			}
			return false
		}
	}
	if d.chance(.05) { // read slowly
		_ = pause(context.Background(), d.upTo(300*r.faults.unit))
	}
	return true
}

// headNow is how far the chat's log reaches.
func (r *run) headNow(in *instance, chat string) int64 {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	heads, err := in.store.Heads(ctx, []string{chat})
	if err != nil || len(heads) == 0 {
		return 0 // the instance has just crashed, or the chat is not created yet
	}
	return heads[0].HeadSeq
}

func (r *run) next(s events.Stream, patience time.Duration) (events.Item, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return s.Next(ctx)
}

// ended checks an end: a stream ends only after the chat's deletion or the viewer's removal. (A reset may have skipped either:
// then the database tells whether the viewer was removed.)
func (r *run) ended(f *follower, op read) {
	switch {
	case f.cursor == nil:
	case f.last == nil || f.last.Seq < f.cursor.Seq:
		r.hist.mu.Lock()
		deleted := r.hist.chat(f.chat).deleted
		r.hist.mu.Unlock()
		if f.over = deleted > 0 && f.cursor.Seq == deleted; !f.over {
			r.hist.end(op, nil)
		}
	case !f.last.Ends(f.viewer):
		r.hist.problem("missed: the stream of %s on %s ended at %d, a %s", f.viewer, name(f.chat), f.cursor.Seq, f.last.Kind)
	}
}
