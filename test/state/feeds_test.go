package state

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"studychat/db"
	"studychat/events"
)

// feedPatience is how long a feed may take to deliver the next event when nothing fails any more: it looks for new chats every 5 s,
// and each chat is swept as often.
const feedPatience = 20 * time.Second

// feeds is the part of a hub that feed subscribers see. The controls of single streams do not have it.
type feeds interface {
	Feed(ctx context.Context, viewer string, after *db.FeedCursor) (events.Stream, error)
}

// feeder checks what one user's feed delivers over many streams: everything of each membership, at least once, in order within a
// stream; nothing from a time when the user was not a member; and, for a feed that begins now, nothing earlier.
type feeder struct {
	r      *run
	viewer string
	cursor *db.FeedCursor
	from   map[string]int64          // by chat: every event after this number must come
	before map[string]int64          // by chat: nothing up to this number may come, in a feed that began now and was not disconnected yet
	told   map[string]map[int64]bool // by chat, the numbers
	resets map[string]bool           // chats that were reset, "" for all
	last   map[string]int64          // by chat, the newest number of this stream
	floors map[string]int64          // by chat, in the calm
	lost   bool
}

func (r *run) followFeed(d *dice) {
	_ = pause(context.Background(), d.upTo(400*r.faults.unit))
	f := &feeder{r: r, viewer: oneOf(d, users[:3]), told: map[string]map[int64]bool{}, resets: map[string]bool{}}
	r.hist.follows(f)
	if d.chance(.3) {
		f.fromList(d)
	}
	for !f.lost && !f.caughtUp() {
		f.oneStream(d)
		_ = pause(context.Background(), d.upTo(500*r.faults.unit*r.pace))
	}
}

// fromList begins with a list of chats and its cursor: there must be no gap between list and feed.
func (f *feeder) fromList(d *dice) {
	in, done := f.r.pick(d)
	defer done()
	list, err := in.repo.Chats(context.Background(), f.viewer, nil, db.Page{Limit: db.ChatPage})
	if err != nil {
		return
	}
	heads, err := f.heads(in)
	if err != nil {
		return
	}
	for _, chat := range list.Chats {
		heads[chat.ID] = chat.HeadSeq
	}
	f.cursor, f.from = &list.Cursor, heads
}

// heads are the heads of all chats that the viewer was ever a member of.
func (f *feeder) heads(in *instance) (map[string]int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	found, err := in.store.FeedStart(ctx, f.viewer, time.Unix(0, 0))
	heads := map[string]int64{}
	for _, head := range found {
		heads[head.ChatID] = head.HeadSeq
	}
	return heads, err
}

// oneStream follows over one stream until it breaks or has been long enough.
func (f *feeder) oneStream(d *dice) {
	r := f.r
	in, done := r.pick(d)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	before, err1 := f.heads(in)
	s, err := in.streams.(feeds).Feed(ctx, f.viewer, f.cursor)
	after, err2 := f.heads(in)
	done()
	r.hist.note("%s follows their feed after %v: %v", f.viewer, f.cursor, err)
	if err == nil && cmp.Or(err1, err2) != nil {
		s.Close()
	}
	if err := cmp.Or(err, err1, err2); err != nil {
		if db.CodeOf(err) != db.CodeUnavailable {
			r.hist.problem("feed: %v", err)
		}
		return
	}
	defer s.Close()
	f.last, f.before = map[string]int64{}, nil
	if f.cursor == nil {
		f.before, f.from = before, after
	}
	for n := d.n(60); n >= 0 && !f.caughtUp(); n-- {
		if !f.oneItem(d, in, s) {
			return
		}
	}
}

// oneItem takes one item and says whether the stream continues.
func (f *feeder) oneItem(d *dice, in *instance, s events.Stream) bool {
	r := f.r
	patience := 1000 * r.faults.unit * r.pace
	calm := r.faults.calm.Load()
	if calm {
		patience = feedPatience
	}
	item, err := r.next(s, patience)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		if f.lost = calm && !f.caughtUp(); f.lost {
			r.hist.problem("missed: the feed of %s at %v: %s", f.viewer, f.cursor, f.owed())
		}
		return false
	case err != nil:
		if db.CodeOf(err) != db.CodeUnavailable {
			r.hist.problem("feed: %v", err)
		}
		return false
	}
	f.moved(item)
	switch {
	case item.Reset != nil && item.Reset.ChatID == "":
		r.hist.note("the feed of %s is reset: %s", f.viewer, item.Reset.Reason)
		f.reset(in, item.Reset.Reason)
	case item.Reset != nil:
		r.hist.note("the feed of %s resets %s: %s", f.viewer, name(item.Reset.ChatID), item.Reset.Reason)
		f.resets[item.Reset.ChatID] = true
		delete(f.last, item.Reset.ChatID)
		if item.Reset.Reason == events.Ahead {
			r.hist.problem("missed: the feed of %s says AHEAD of %s, and nothing was restored", f.viewer, name(item.Reset.ChatID))
		}
	case item.Event != nil:
		f.event(in, item.Event)
	}
	if d.chance(.05) { // read slowly
		_ = pause(context.Background(), d.upTo(300*r.faults.unit))
	}
	return true
}

// moved checks the cursor: it never goes back, except by a reset.
func (f *feeder) moved(item events.Item) {
	cursor, err := db.ParseFeedCursor("cursor", item.Cursor, f.viewer)
	if err != nil {
		f.r.hist.problem("cursor: %v", err)
		return
	}
	if old := f.cursor; old != nil && item.Reset == nil {
		a, b := old.Replay, cursor.Replay
		back := cursor.At.Before(old.At)
		if cursor.At.Equal(old.At) && a.Until.Equal(b.Until) {
			back = cmp.Or(cmp.Compare(b.ChatID, a.ChatID), cmp.Compare(b.Seq, a.Seq)) < 0
		}
		if back || cursor.Epoch != old.Epoch {
			f.r.hist.problem("unresumable: the feed of %s went back from %v to %v", f.viewer, old, cursor)
		}
	}
	f.cursor = &cursor
	if cursor.Replay != (db.FeedReplay{}) {
		f.r.hist.count("feed in a replay")
	}
}

func (f *feeder) reset(in *instance, reason events.ResetReason) {
	if reason != events.OtherEpoch {
		f.r.hist.problem("missed: the feed of %s is reset: %s", f.viewer, reason)
	}
	f.r.hist.count("feed reset")
	f.resets[""], f.before, f.last = true, nil, map[string]int64{}
	heads, err := f.heads(in)
	if err != nil { // the instance has just crashed: it is unknown what must come from here
		heads = f.r.hist.heads()
	}
	f.from, f.told = heads, map[string]map[int64]bool{}
}

func (f *feeder) event(in *instance, e *db.Event) {
	r := f.r
	r.hist.delivered(f.viewer, e)
	r.hist.count("feed events")
	if e.Seq <= f.before[e.ChatID] {
		r.hist.problem("before: the feed of %s from now on told number %d of %s, which was at %d", f.viewer, e.Seq, name(e.ChatID), f.before[e.ChatID])
	}
	joins := e.Kind == db.MemberAdded && e.Member.UserID == f.viewer
	if last := f.last[e.ChatID]; last > 0 {
		switch {
		case e.Seq <= last:
			r.hist.problem("doubled: the feed of %s got number %d of %s after %d", f.viewer, e.Seq, name(e.ChatID), last)
		case e.Seq > last+1 && !joins && !e.Ends(f.viewer) && !f.pruned(in, e):
			r.hist.problem("missed: the feed of %s got number %d of %s after %d", f.viewer, e.Seq, name(e.ChatID), last)
		}
	}
	f.last[e.ChatID] = e.Seq
	if f.told[e.ChatID] == nil {
		f.told[e.ChatID] = map[int64]bool{}
	}
	f.told[e.ChatID][e.Seq] = true
}

// pruned says whether the events before this one were pruned.
func (f *feeder) pruned(in *instance, e *db.Event) bool {
	heads, err := in.store.Heads(context.Background(), []string{e.ChatID})
	return err != nil || len(heads) > 0 && heads[0].FloorSeq >= e.Seq-1
}

// caughtUp says whether there is nothing more to come.
func (f *feeder) caughtUp() bool { return f.r.faults.calm.Load() && f.owed() == "" }

// owed names an event that must come and has not. It is for the calm, when nothing is pruned any more.
func (f *feeder) owed() string {
	h := f.r.hist
	if f.floors == nil {
		h.mu.Lock()
		chats := slices.Clone(h.order)
		h.mu.Unlock()
		heads, err := f.r.instances[0].store.Heads(context.Background(), chats)
		if err != nil {
			return err.Error()
		}
		f.floors = map[string]int64{}
		for _, head := range heads {
			f.floors[head.ChatID] = head.FloorSeq
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range h.order {
		c := h.chats[id]
		states, err := c.states()
		if err != nil {
			continue // validate reports it
		}
		for seq := f.from[id] + 1; seq <= c.head; seq++ {
			if e := c.events[seq]; !f.told[id][seq] && f.isOwed(c, states, e.Event) {
				return fmt.Sprintf("%s %d, %s", name(id), seq, e.Kind)
			}
		}
	}
	return ""
}

// isOwed says whether an event that did not come must come, or a reset instead if it was pruned. Former members, and members of
// deleted chats, get no reset.
func (f *feeder) isOwed(c *chatHistory, states []state, e *db.Event) bool {
	isMember := func(seq int64) bool { return states[seq].members[f.viewer] }
	switch {
	case !isMember(e.Seq) && !isMember(e.Seq-1):
		return false
	case e.Seq > f.floors[e.ChatID] || e.Ends(f.viewer):
		return true
	}
	for seq := e.Seq; seq <= c.head; seq++ {
		if !isMember(seq) {
			return false
		}
	}
	return c.deleted == 0 && !f.resets[e.ChatID]
}

// checkFeeds: everything that the feeds delivered was for a member.
func (h *history) checkFeeds(states map[string][]state) {
	for _, f := range h.feeds {
		for id, told := range f.told {
			for seq := range told {
				if s := states[id]; seq < int64(len(s)) && !s[seq-1].members[f.viewer] && !s[seq].members[f.viewer] {
					h.problem("unauthorised: the feed of %s told number %d of %s", f.viewer, seq, name(id))
				}
			}
		}
	}
}
