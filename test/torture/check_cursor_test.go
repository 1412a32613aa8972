package torture

import (
	"context"
	"fmt"
	"strings"
	"time"

	"studychat/db"
)

// first is the beginning of a subscription: the first event after StreamStarted, or an error's code and field.
type first struct {
	kind, reason string
	seq          int64
	resumed      bool // as StreamStarted said
	code, field  string
}

func (f first) String() string {
	return strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s %d", f.kind, f.reason, f.code, f.field, f.seq)), " ")
}

// begin subscribes and returns the error, or the first event after StreamStarted that is not ephemeral. Each must
// arrive within 3 s.
func begin(ctx context.Context, w *world, at int, over carrier, user, chat, after string) (subscription, first, error) {
	s, err := over.open(ctx, w.client, w.instances[at], user, chat, after)
	if err != nil {
		return nil, first{}, err
	}
	start, err := nextFrame(ctx, s)
	if err != nil {
		return s, first{}, err
	}
	e, err := start.decode()
	if bad, ok := err.(failure); ok { //nolint:errorlint // decode returns it as it is
		return s, first{code: bad.Extensions.Code, field: bad.Extensions.Field}, refusalEnds(ctx, s, start)
	}
	if err == nil && e.Kind != "StreamStarted" {
		err = fmt.Errorf("the stream begins with %s", e.Kind)
	}
	if err != nil {
		return s, first{}, err
	}
	f, err := next(ctx, s)
	f.resumed = e.Resumed
	return s, f, err
}

// refusalEnds checks that a refusal sent as a result is followed by the end of the stream. A refusal sent as an error
// is the end itself.
func refusalEnds(ctx context.Context, s subscription, refusal frame) error {
	if refusal.Type == "error" {
		return nil
	}
	f, err := nextFrame(ctx, s)
	if err == nil && f.Type != "complete" {
		err = fmt.Errorf("a refusal is followed by %s %s", f.Type, f.Payload)
	}
	return err
}

// nextFrame reads a frame, which must arrive within 3 s.
func nextFrame(ctx context.Context, s subscription) (frame, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	defer context.AfterFunc(ctx, s.close)() // an event stream has no other end
	return s.read(ctx)
}

// next returns the next event of a started stream and skips ephemeral ones.
func next(ctx context.Context, s subscription) (first, error) {
	for {
		f, err := nextFrame(ctx, s)
		if err != nil {
			return first{}, err
		}
		if f.Type == "complete" {
			return first{kind: "complete"}, nil
		}
		e, err := f.decode()
		if bad, ok := err.(failure); ok { //nolint:errorlint // decode returns it as it is
			return first{code: bad.Extensions.Code, field: bad.Extensions.Field}, nil
		}
		if err == nil && e.Kind == "StreamStarted" {
			err = fmt.Errorf("the stream begins twice: %s", f.Payload)
		}
		if err != nil {
			return first{}, err
		}
		if !e.ephemeral() {
			return first{kind: e.Kind, reason: e.Reason, seq: e.Seq}, nil
		}
	}
}

// bound is a cursor and the expected beginning of the stream after it.
type bound struct {
	name, user, chat, after string
	want                    first
}

// cursorAt returns the cursor after this event of a chat, for a database that was never restored.
func cursorAt(chat string, seq int64) string { return cursorOf(chat, 1, seq) }

func cursorOf(chat string, epoch, seq int64) string {
	return db.Cursor{ChatID: chat, Epoch: epoch, Seq: seq}.String()
}

func feedCursorOf(user string, epoch int64) string {
	return db.FeedCursor{User: user, Epoch: epoch, At: time.Now()}.String()
}

// cursorBounds subscribes with cursors that cannot be resumed. Every instance must reject each with the right type,
// over every carrier.
func cursorBounds(r *record) {
	r.Load = "12 messages, 3 chats"
	w := newWorld(r, setting{})
	log, pruned, other := twelve(w), twelve(w), db.NewID()
	w.must("ann", createChat, vars{"id": other, "title": "Another's"}, nil)
	w.must("bob", createChat, vars{"title": "Bob's"}, nil)
	w.sql("UPDATE chats SET floor_seq = 6 WHERE id = $1", pruned)
	bounds := boundsOf(w, log, pruned, other)
	failed := 0
	for _, b := range bounds {
		failed += tryBound(r, w, b)
	}
	failed += oldEpoch(r, w, log)
	each := len(w.instances) * int(carriers)
	r.Fault = fmt.Sprintf("%d cursors on each of 3 instances over WebSocket and SSE in both modes, and a new epoch under open streams", len(bounds)+1)
	r.limit(failed == 0, "%d of %d were answered differently, or not within 3 s", failed, each*(len(bounds)+3))
}

func boundsOf(w *world, log, pruned, other string) []bound {
	reset := func(reason string) first { return first{kind: "StreamReset", reason: reason} }
	on := func(kind string, seq int64) first { return first{kind: kind, seq: seq, resumed: true} }
	bad := first{code: "BAD_USER_INPUT", field: "after"}
	tag := func(cursor string) string { return cursor[strings.LastIndexByte(cursor, '.'):] }
	bounds := []bound{
		{"valid", "ann", log, cursorAt(log, 4), on("MessageSent", 5)},
		{"the beginning of the log", "ann", log, cursorAt(log, 0), on("ChatCreated", 1)},
		{"expired", "ann", pruned, cursorAt(pruned, 2), reset("EXPIRED")},
		{"the oldest retained", "ann", pruned, cursorAt(pruned, 6), on("MessageSent", 7)},
		{"ahead", "ann", log, cursorAt(log, 500), reset("AHEAD")},
		{"of a later epoch", "ann", log, cursorOf(log, 9, 4), reset("EPOCH")},
		{"another chat's, beyond this one's head", "ann", other, cursorAt(log, 9), bad},
		{"another chat's, within this one's log", "ann", log, cursorAt(pruned, 1), bad},
		{"another chat's, of a later epoch", "ann", log, cursorOf(other, 9, 1), bad},
		{"without a tag", "ann", log, "2.1.4", bad},
		{"with an empty tag", "ann", log, "2.1.4.", bad},
		{"garbage", "ann", log, "garbage", bad},
		{"white space", "ann", log, " ", bad},
		{"version 1", "ann", log, "1.1.4", bad},
		{"version 1 with the tag", "ann", log, "1.1.4" + tag(cursorAt(log, 4)), bad},
		{"a later version's", "ann", log, "3.1.4" + tag(cursorAt(log, 4)), bad},
		{"with a sign", "ann", log, "2.1.-4" + tag(cursorAt(log, 4)), bad},
		{"with a leading zero", "ann", log, "2.1.04" + tag(cursorAt(log, 4)), bad},
		{"too large for a number", "ann", log, "2.1.99999999999999999999" + tag(cursorAt(log, 4)), bad},
		{"the feed's, for a chat", "ann", log, feedCursorOf("ann", 1), bad},
		{"a feed's place with the chat's tag", "ann", log, "2.1.t1700000000000000" + tag(cursorAt(log, 4)), bad},
		{"a chat's, for the feed", "ann", "", cursorAt(log, 4), bad},
		{"another user's feed's", "ann", "", feedCursorOf("bob", 1), bad},
		{"another user's feed's, reversed", "bob", "", feedCursorOf("ann", 1), bad},
		{"of the feed of a user whose name is a chat's id", "ann", "", feedCursorOf(log, 1), bad},
		{"the feed's, of a later epoch", "ann", "", feedCursorOf("ann", 9), reset("EPOCH")},
		{"of a chat of non-members", "bob", log, cursorAt(log, 4), first{code: "NOT_FOUND"}},
	}
	never := db.NewID()
	bounds = append(bounds, bound{"of a chat that never existed", "ann", never, cursorAt(never, 4), first{code: "NOT_FOUND"}})
	return append(bounds, served(w, log)...)
}

// served returns cursors of other chats and users as the servers issue them, independent of this package's encoding.
func served(w *world, log string) []bound {
	var ann, bob struct {
		Chats struct {
			EventCursor string
			Nodes       []struct{ EventCursor string }
		}
	}
	w.must("ann", listCursors, nil, &ann)
	w.must("bob", listCursors, nil, &bob)
	bad := first{code: "BAD_USER_INPUT", field: "after"}
	return []bound{
		{"of the list, for a chat", "ann", log, ann.Chats.EventCursor, bad},
		{"of the list of another user", "ann", "", bob.Chats.EventCursor, bad},
		{"of another user's chat, for the feed", "ann", "", bob.Chats.Nodes[0].EventCursor, bad},
		{"of another user's chat, for a chat", "ann", log, bob.Chats.Nodes[0].EventCursor, bad},
	}
}

const listCursors = `{ chats(first: 20) { eventCursor nodes { eventCursor } } }`

// twelve creates a chat with 12 events.
func twelve(w *world) string {
	chat := db.NewID()
	w.must("ann", createChat, vars{"id": chat, "title": "A chat"}, nil)
	for n := range 11 {
		w.must("ann", sendMessage, vars{"chat": chat, "content": fmt.Sprint(n)}, nil)
	}
	return chat
}

func tryBound(r *record, w *world, b bound) (failed int) {
	for n := range w.instances {
		for over := range carriers {
			s, got, err := begin(r.Context(), w, n, over, b.user, b.chat, b.after)
			if err != nil || got != b.want {
				r.Errorf("%s, instance %d, %s: %+v, %v; want %+v", b.name, n, over, got, err, b.want)
				failed++
			}
			if s != nil {
				s.close()
			}
		}
	}
	return failed
}

// oldEpoch raises the epoch under open streams. Each must announce it and continue.
func oldEpoch(r *record, w *world, chat string) (failed int) {
	var open []subscription
	for n := range w.instances {
		for over := range carriers {
			s, got, err := begin(r.Context(), w, n, over, "ann", chat, cursorAt(chat, 11))
			if err != nil || got.seq != 12 {
				r.Errorf("before the new epoch: %v, %v", got, err)
				failed++
			}
			if s != nil {
				defer s.close()
				open = append(open, s)
			}
		}
	}
	w.sql("UPDATE stream_meta SET epoch = epoch + 1")
	w.must("ann", sendMessage, vars{"chat": chat, "content": "of the new epoch"}, nil)
	want := first{kind: "StreamReset", reason: "EPOCH"}
	for n, s := range open {
		if got, err := next(r.Context(), s); err != nil || got != want {
			r.Errorf("open stream %d: %v, %v; want %v", n, got, err, want)
			failed++
		}
	}
	return failed + tryBound(r, w, bound{"of the old epoch", "ann", chat, cursorAt(chat, 11), want})
}
