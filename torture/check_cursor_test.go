package torture

import (
	"context"
	"fmt"
	"strings"
	"time"

	"studychat/db"
)

// first is how a subscription begins: with an event, or with an error's code and field.
type first struct {
	kind, reason string
	seq          int64
	code, field  string
}

func (f first) String() string {
	return strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s %d", f.kind, f.reason, f.code, f.field, f.seq)), " ")
}

// begin subscribes and reads the first thing that is no passing event, 3 s at most.
func begin(ctx context.Context, i *instance, user, chat, after string) (*socket, first, error) {
	s, err := dial(ctx, i, user)
	if err != nil {
		return nil, first{}, err
	}
	if err := s.subscribe(ctx, "1", chat, after); err != nil {
		return s, first{}, err
	}
	f, err := next(ctx, s)
	return s, f, err
}

func next(ctx context.Context, s *socket) (first, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	for {
		f, err := s.read(ctx)
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
		if err != nil {
			return first{}, err
		}
		if e.durable() || e.Kind == "StreamReset" {
			return first{kind: e.Kind, reason: e.Reason, seq: e.Seq}, nil
		}
	}
}

// bound is a cursor and how the stream after it has to begin.
type bound struct {
	name, user, chat, after string
	want                    first
}

// cursorBounds gives cursors that cannot be gone on from. Each is answered, by type, on each instance.
func cursorBounds(r *record) {
	r.Load = "12 messages, 3 chats"
	w := newWorld(r, setting{})
	log, pruned, other := twelve(w), twelve(w), db.NewID()
	w.must("ann", createChat, vars{"id": other, "title": "Another's"}, nil)
	w.sql("UPDATE chats SET floor_seq = 6 WHERE id = $1", pruned)
	reset := func(reason string) first { return first{kind: "StreamReset", reason: reason} }
	bad := first{code: "BAD_USER_INPUT", field: "after"}
	bounds := []bound{
		{"a good one", "ann", log, "1.1.4", first{kind: "MessageSent", seq: 5}},
		{"expired", "ann", pruned, "1.1.2", reset("EXPIRED")},
		{"the oldest that is kept", "ann", pruned, "1.1.6", first{kind: "MessageSent", seq: 7}},
		{"ahead", "ann", log, "1.1.500", reset("AHEAD")},
		{"another chat's, further on than this one", "ann", other, "1.1.9", reset("AHEAD")},
		{"another chat's, within this one", "ann", log, "1.1.1", first{kind: "MessageSent", seq: 2}},
		{"of a later epoch", "ann", log, "1.9.4", reset("EPOCH")},
		{"garbage", "ann", log, "garbage", bad},
		{"another version's", "ann", log, "2.1.4", bad},
		{"with a sign", "ann", log, "1.1.-4", bad},
		{"too large for a number", "ann", log, "1.1.99999999999999999999", bad},
		{"the feed's", "ann", log, "1.1.t1700000000000000", bad},
		{"a chat's, for the feed", "ann", "", "1.1.4", bad},
		{"the feed's, of a later epoch", "ann", "", "1.9.t1700000000000000", reset("EPOCH")},
		{"of somebody else's chat", "bob", log, "1.1.4", first{code: "NOT_FOUND"}},
		{"of a chat that never was", "ann", db.NewID(), "1.1.4", first{code: "NOT_FOUND"}},
	}
	failed := 0
	for _, b := range bounds {
		failed += tryBound(r, w, b)
	}
	failed += oldEpoch(r, w, log)
	r.Fault = fmt.Sprintf("%d cursors on each of 3 instances, and a new epoch under open streams", len(bounds)+1)
	r.limit(failed == 0, "%d of %d were answered otherwise, or not within 3 s", failed, 3*(len(bounds)+2))
}

// twelve is a chat with events up to number 12.
func twelve(w *world) string {
	chat := db.NewID()
	w.must("ann", createChat, vars{"id": chat, "title": "A chat"}, nil)
	for n := range 11 {
		w.must("ann", sendMessage, vars{"chat": chat, "content": fmt.Sprint(n)}, nil)
	}
	return chat
}

func tryBound(r *record, w *world, b bound) (failed int) {
	for n, i := range w.instances {
		s, got, err := begin(r.Context(), i, b.user, b.chat, b.after)
		if err != nil || got != b.want {
			r.Errorf("%s, instance %d: %v, %v; want %v", b.name, n, got, err, b.want)
			failed++
		}
		if s != nil {
			s.close()
		}
	}
	return failed
}

// oldEpoch raises the epoch under open streams, each of which has to say so and to go on.
func oldEpoch(r *record, w *world, chat string) (failed int) {
	var open []*socket
	for _, i := range w.instances {
		s, got, err := begin(r.Context(), i, "ann", chat, "1.1.11")
		if err != nil || got.seq != 12 {
			r.Errorf("before the new epoch: %v, %v", got, err)
			failed++
		}
		if s != nil {
			defer s.close()
			open = append(open, s)
		}
	}
	w.sql("UPDATE stream_meta SET epoch = epoch + 1")
	w.must("ann", sendMessage, vars{"chat": chat, "content": "of the new epoch"}, nil)
	want := first{kind: "StreamReset", reason: "EPOCH"}
	for n, s := range open {
		if got, err := next(r.Context(), s); err != nil || got != want {
			r.Errorf("open stream of instance %d: %v, %v; want %v", n, got, err, want)
			failed++
		}
	}
	return failed + tryBound(r, w, bound{"of the old epoch", "ann", chat, "1.1.11", want})
}
