package hub

import (
	"context"
	"slices"

	"studychat/db"
	"studychat/events"
	"studychat/events/hub/delivery"
	"studychat/events/hub/yield"
)

// round is what a group delivers at once. Its slices are used again for the next round.
type round struct {
	before, after offset
	stop          int64 // see group.stop
	broken        bool  // the log was replaced
	behind        bool  // the ring does not have the next event
	events        []*db.Event
	paths         []delivery.Path // how each of the events came; none for those that were read
	ephemeral     []stamped

	items   []events.Item
	offsets []offset // after each item
	left    []string // the users whose membership ends in the round
	batch   any
	n       int           // items in the batch
	taken   int           // members that took it
	members []*chatStream // when the delivery begins
}

// concerns says whether the viewer must be judged alone.
func (r *round) concerns(viewer string) bool {
	return len(r.left) > 0 && slices.Contains(r.left, viewer)
}

// begin makes the round ready for another use.
func (r *round) begin(at offset, stop int64) {
	clear(r.items)
	clear(r.members)
	*r = round{before: at, after: at, stop: stop, paths: r.paths[:0], items: r.items[:0], offsets: r.offsets[:0], left: r.left[:0], members: r.members[:0]}
}

// take looks for what comes next. It is false, and serve ends, when there is nothing.
func (g *group) take() bool {
	t, r := g.topic, &g.round
	t.mu.Lock()
	defer t.mu.Unlock()
	r.begin(g.at, g.stop)
	now := t.offsetLocked()
	switch {
	case len(g.members) == 0, now == g.at, t.ctx.Err() != nil:
		g.serving, g.batch = false, nil
		g.retireLocked()
		return false
	case now.generation != g.at.generation, now.epoch != g.at.epoch:
		r.broken = true
		return true
	case len(g.batch) > 0:
		r.events = g.batch
	case g.at.seq < now.seq:
		r.events = t.ring.after(g.at.seq, roundItems)
		r.behind = len(r.events) == 0
		for _, event := range r.events {
			r.paths = append(r.paths, t.ring.path(event.Seq))
		}
	}
	if g.at.seq+int64(len(r.events)) == now.seq { // durable events come first
		r.ephemeral = t.ephemeral.allAfter(g.at.stamp)
	}
	return true
}

// fill makes the items of the round, from the database if the ring does not have them. It is false when each member must look for
// itself: at the end of the log too, where each stream ends.
func (g *group) fill(ctx context.Context) bool {
	r := &g.round
	if r.broken || r.behind && !g.read(ctx) {
		return false
	}
	at := r.before
	for _, event := range r.events {
		if len(r.items) == roundItems || event.IsLast() || r.stop != 0 && at.seq >= r.stop {
			return len(r.items) > 0
		}
		if event.Seq != at.seq+1 || event.ChatID != g.topic.chatID {
			g.topic.log.Error("a group was about to break its order", "chat", g.topic.chatID, "cursor", at.seq,
				"next", event.Seq, "of", event.ChatID)
			return false
		}
		at.seq = event.Seq
		r.add(at, events.Item{Cursor: g.cursor(at), At: event.At, Event: event})
	}
	for i := range r.ephemeral {
		p := &r.ephemeral[i]
		at.stamp = p.stamp
		r.add(at, events.Item{Cursor: g.cursor(at), At: p.At, Ephemeral: &p.Ephemeral})
	}
	return len(r.items) > 0
}

func (r *round) add(at offset, item events.Item) {
	r.items, r.offsets = append(r.items, item), append(r.offsets, at)
}

// cursor is made once for all members.
func (g *group) cursor(at offset) string {
	return db.Cursor{ChatID: g.topic.chatID, Epoch: at.epoch, Seq: at.seq}.String()
}

// read fetches the events that have left the ring.
func (g *group) read(ctx context.Context) bool {
	r := &g.round
	log, err := g.topic.readShared(ctx, g.topic.chatID, r.before.seq)
	if err != nil || log.Epoch != r.before.epoch || log.HeadSeq < r.before.seq || log.FloorSeq > r.before.seq {
		return false
	}
	g.batch, r.events = log.Events, log.Events
	g.topic.share(log)
	return true
}

// render makes the batch, and with it decides how many items belong to the round.
func (g *group) render(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, roundTimeout)
	defer cancel()
	r := &g.round
	batch, n := g.audience.Render(ctx, r.items)
	if n == 0 || ctx.Err() != nil {
		return false
	}
	r.batch, r.n, r.after = batch, n, r.offsets[n-1]
	if len(g.batch) > 0 {
		g.batch = g.batch[n:]
	}
	for _, item := range r.items[:n] {
		if item.Event != nil && item.Event.Left() != "" {
			r.left = append(r.left, item.Event.Left())
		}
	}
	return true
}

// advance moves the group over the round. Streams that joined while it was rendered are at the same offset: they get it too.
func (g *group) advance() {
	g.topic.mu.Lock()
	defer g.topic.mu.Unlock()
	g.at = g.round.after
	if g.stop <= g.at.seq {
		g.stop = 0
	}
	g.round.members = append(g.round.members, g.members...)
}

// deliver offers the batch to each member.
func (g *group) deliver() {
	r := &g.round
	var stop int64
	for i, s := range r.members {
		if i%yieldMembers == yieldMembers-1 {
			yield.ToNetwork()
		}
		ahead, stays := s.receive(g, r)
		switch {
		case !stays:
			s.dismiss(g)
		case ahead > 0 && (stop == 0 || ahead < stop):
			stop = ahead
		}
	}
	g.count()
	if stop > 0 {
		g.topic.mu.Lock()
		defer g.topic.mu.Unlock()
		g.stopAt(stop)
	}
}

// count counts the round, once for all members: the time of each is that of the last.
func (g *group) count() {
	r := &g.round
	if r.batch == nil || r.taken == 0 {
		return
	}
	for i, item := range r.items[:r.n] {
		path := delivery.Unknown
		if i < len(r.paths) {
			path = r.paths[i]
		}
		switch {
		case item.Event != nil:
			g.topic.count(item.Event, path, r.taken)
		case item.Ephemeral != nil:
			g.topic.stats.Event(string(item.Ephemeral.Kind), delivery.Unknown, 0, r.taken)
		}
	}
}
