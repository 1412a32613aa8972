package state

import (
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"studychat/db"
	"studychat/events"
)

// validate runs every validator over a finished run. If linear, the history of each chat must be linearizable, and not only free
// of stale reads.
func (h *history) validate(linear bool) []string {
	all := map[string][]state{}
	for _, id := range h.order {
		c := h.chats[id]
		states, err := c.states()
		if err != nil {
			h.problem("chat %s: %v", name(id), err)
			continue
		}
		all[id] = states
		h.checkWriters(id, c, states)
		h.checkReads(id, c, states)
		h.checkDeliveries(id, c, states)
		if linear {
			h.checkLinearizable(id, c, states)
		}
	}
	h.checkFeeds(all)
	return h.problems
}

// name is a short name for messages.
func name(chatID string) string { return chatID[max(0, len(chatID)-4):] }

// checkWriters: every writer was a member right before the write.
func (h *history) checkWriters(id string, c *chatHistory, states []state) {
	for seq := int64(2); seq <= c.head; seq++ {
		if e := c.events[seq]; !states[seq-1].has(e.Actor) {
			h.problem("unauthorised: %s wrote number %d of %s as no member", e.Actor, seq, name(id))
		}
	}
}

// checkReads: a read is of one version, complete, and not older than what was answered before the read began. A chat is NOT_FOUND
// only for viewers for whom it was so at some moment of the read.
func (h *history) checkReads(id string, c *chatHistory, states []state) {
	for _, r := range h.reads {
		switch {
		case r.chat != id:
		case r.version > c.head || r.version > 0 && !states[r.version].has(r.viewer):
			h.problem("unauthorised: %s was shown version %d of %s by %s", r.viewer, r.version, name(id), r.how)
		case r.version > 0 && r.shows != states[r.version].shown():
			h.problem("torn: %s of %s says %q of version %d, not %q", r.how, name(id), r.shows, r.version, states[r.version].shown())
		case h.isExcused(r.began):
		case r.version > 0 && r.version < r.atLeast:
			h.problem("stale: %s of %s at %s began after number %d was answered and gave %d",
				r.how, name(id), r.began.Sub(h.started), r.atLeast, r.version)
		case r.version == 0 && !slices.ContainsFunc(states[r.atLeast:], func(s state) bool { return !s.has(r.viewer) }):
			h.problem("stale: %s of %s at %s was NOT_FOUND for %s, a member since before number %d",
				r.how, name(id), r.began.Sub(h.started), r.viewer, r.atLeast)
		}
	}
}

// checkDeliveries: a stream delivered what was committed under that sequence number, with a text that the message once had
// or none, to members only, and its resets had a reason.
func (h *history) checkDeliveries(id string, c *chatHistory, states []state) {
	texts := c.texts()
	for _, d := range h.streams {
		if d.ChatID != id {
			continue
		}
		truth, known := c.events[d.Seq]
		switch {
		case !known || truth.Kind != d.Kind || truth.Actor != d.Actor:
			h.problem("invented: %s of %s got %s by %s as number %d", d.viewer, name(id), d.Kind, d.Actor, d.Seq)
		case d.Message != nil && (d.Message.ID != truth.Message.ID || !texts[d.Message.ID][d.Message.Content]):
			h.problem("invented: %s of %s got message %q with %q as number %d", d.viewer, name(id), d.Message.ID, d.Message.Content, d.Seq)
		case d.Title != "" && d.Title != truth.Title:
			h.problem("invented: %s of %s got the title %q as number %d", d.viewer, name(id), d.Title, d.Seq)
		case !slices.ContainsFunc(states[d.Seq-1:], func(s state) bool { return s.members[d.viewer] }):
			h.problem("unauthorised: %s got number %d of %s after the removal", d.viewer, d.Seq, name(id))
		}
	}
	for _, r := range h.resets {
		switch {
		case r.chat != id:
		case r.to.Seq > c.head:
			h.problem("ahead: a reset of %s led to %d of %d", name(id), r.to.Seq, c.head)
		case r.reason == "EXPIRED" && (r.to.Seq > c.floor || r.from.Seq >= r.to.Seq):
			h.problem("missed: %s EXPIRED from %d to %d, and the floor is %d", name(id), r.from.Seq, r.to.Seq, c.floor)
		case r.reason == "EPOCH" && r.from.Epoch >= r.to.Epoch:
			h.problem("missed: %s EPOCH from %v to %v", name(id), r.from, r.to)
		case r.reason == "AHEAD":
			h.problem("missed: %s AHEAD at %v, and nothing was restored", name(id), r.from)
		}
	}
}

// texts are the contents that each message had.
func (c *chatHistory) texts() map[string]map[string]bool {
	texts := map[string]map[string]bool{}
	for _, e := range c.events {
		if e.Message == nil {
			continue
		}
		if texts[e.Message.ID] == nil {
			texts[e.Message.ID] = map[string]bool{"": true}
		}
		texts[e.Message.ID][e.Message.Content] = true
	}
	return texts
}

// checkLinearizable lets porcupine look for an order of the reads and writes of one chat, as of one register, that
// explains them all. Unanswered writes may have happened at any time after their call.
func (h *history) checkLinearizable(id string, c *chatHistory, states []state) {
	type input struct {
		writes int64 // 0: reads
		viewer string
	}
	model := porcupine.Model{
		Init: func() any { return int64(0) },
		Step: func(now, in, out any) (bool, any) {
			version, op, got := now.(int64), in.(input), out.(int64)
			switch {
			case op.writes > 0:
				return op.writes == version+1, op.writes
			case got > 0:
				return got == version, version
			}
			return !states[version].has(op.viewer), version
		},
	}
	var ops []porcupine.Operation
	for seq := int64(1); seq <= c.head; seq++ {
		e := c.events[seq]
		answer := e.answer
		if answer == 0 {
			answer = h.clock + 1
		}
		ops = append(ops, porcupine.Operation{Input: input{writes: seq}, Call: e.call, Output: seq, Return: answer})
	}
	for _, r := range h.reads {
		if r.chat == id {
			ops = append(ops, porcupine.Operation{Input: input{viewer: r.viewer}, Call: r.call, Output: r.version, Return: r.answer})
		}
	}
	if got := porcupine.CheckOperationsTimeout(model, ops, 20*time.Second); got != porcupine.Ok {
		h.problem("not linearizable: %d operations on %s: porcupine says %s", len(ops), name(id), got)
	}
}

// follower checks what one subscriber gets, item by item: ordered, unique, without a gap, resumable, and nothing after the end.
type follower struct {
	h      *history
	viewer string
	chat   string
	cursor *db.Cursor // nil: the stream begins now, and nothing has come yet
	atMost int64      // the latest place that "now" can mean
	last   *db.Event  // the last event
	over   bool       // the deletion of the chat was delivered
	lost   bool       // an event did not come

	owed    bool  // the stream did not go on from the subscriber's cursor, and has not said so yet
	checked int64 // membership was checked when the log reached no further than this
}

// started checks where a stream begins: at the subscriber's cursor, even if it cannot continue there and a reset follows, or now.
func (f *follower) started(start events.Started, cursor db.Cursor) {
	switch {
	case f.cursor == nil && start.Resumed:
		f.h.problem("unresumable: a stream of %s resumed from no cursor", name(f.chat))
	case f.cursor == nil && cursor.Seq > f.atMost:
		f.h.problem("missed: %s began at %d at the latest, and says %d", name(f.chat), f.atMost, cursor.Seq)
	case f.cursor != nil && cursor != *f.cursor:
		f.h.problem("unresumable: a stream of %s after %v began at %v", name(f.chat), *f.cursor, cursor)
	}
	f.owed = f.cursor != nil && !start.Resumed
	f.cursor = &cursor
}

// owes checks that a stream which did not resume says so first.
func (f *follower) owes(item events.Item) {
	if f.owed && item.Reset == nil {
		f.h.problem("missed: a stream of %s did not resume, and %+v came instead of a reset", name(f.chat), item)
	}
	f.owed = false
}

func (f *follower) event(event *db.Event, cursor db.Cursor) {
	f.h.delivered(f.viewer, event)
	switch {
	case cursor.Seq != event.Seq:
		f.h.problem("unresumable: number %d of %s came with cursor %v", event.Seq, name(f.chat), cursor)
	case f.cursor == nil && event.Seq > f.atMost+1:
		f.h.problem("missed: %s began at %d at the latest, and %d came first", name(f.chat), f.atMost, event.Seq)
	case f.cursor == nil:
	case event.Seq <= f.cursor.Seq:
		f.h.problem("doubled: %s got number %d of %s after %d", f.viewer, event.Seq, name(f.chat), f.cursor.Seq)
	case event.Seq > f.cursor.Seq+1:
		f.h.problem("missed: %s got number %d of %s after %d", f.viewer, event.Seq, name(f.chat), f.cursor.Seq)
	}
	f.cursor, f.last = &cursor, event
	f.over = event.Kind == db.ChatDeleted
}

func (f *follower) reset(reason string, to db.Cursor) {
	if f.cursor != nil {
		f.h.wasReset(reset{f.chat, *f.cursor, to, reason})
	}
	f.cursor = &to
}

// place is the last sequence number that the subscriber has.
func (f *follower) place() int64 {
	if f.cursor == nil {
		return f.atMost
	}
	return f.cursor.Seq
}
