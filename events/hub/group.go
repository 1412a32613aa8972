package hub

import (
	"context"
	"maps"
	"slices"
	"time"

	"studychat/db"
	"studychat/events"
)

// Bounds of what a group takes at once.
const (
	roundItems   = 32
	roundTimeout = 5 * time.Second // for the rendering, which may ask a database
)

// yieldMembers is after how many members a round gives way to what has arrived from the network, about half a millisecond. A round to
// thousands of members would keep a core for as long as it takes, and the sends of what the next round delivers would wait for the core at
// each of their steps. With it, what is sent during one round leaves together in the next. Tests, whose groups are small, set it lower.
var yieldMembers = 64

// group is the streams of one topic that are shown the same. It has one offset in the log, and renders each item once for all members.
// While there is nothing to deliver, neither the group nor its members have a goroutine.
//
// It is that of the members, with two exceptions. A stream may join ahead of the group: it gets nothing until the group is
// there. A stream that the group has passed, or whose turn it is to be judged alone, leaves the group (chatStream.dismiss).
type group struct {
	topic    *topic
	key      any
	audience events.Audience

	// Guarded by the topic's lock.
	at      offset // what was taken for the members
	members []*chatStream
	stop    int64 // a round ends here at the latest, since members wait at this number; 0: there are none
	serving bool  // serve runs

	// The rest belongs to serve.
	batch []*db.Event // read and not yet delivered; shared, so never written to
	round round
}

func newGroup(t *topic, key any, audience events.Audience, at offset) *group {
	return &group{topic: t, key: key, audience: audience, at: at}
}

// stopAt makes the next rounds end where members wait.
func (g *group) stopAt(seq int64) {
	if seq > g.at.seq && (g.stop == 0 || seq < g.stop) {
		g.stop = seq
	}
}

// removeLocked takes a member out. Call it with the topic's and the stream's lock held.
func (g *group) removeLocked(s *chatStream) {
	last := g.members[len(g.members)-1]
	g.members[s.index], last.index = last, s.index
	g.members[len(g.members)-1] = nil
	g.members = g.members[:len(g.members)-1]
	s.seat = seat{}
}

// retireLocked forgets a group without members.
func (g *group) retireLocked() {
	if len(g.members) == 0 && !g.serving && g.topic.groups[g.key] == g {
		delete(g.topic.groups, g.key)
	}
}

// wakeLocked starts serve if there is something to deliver.
func (g *group) wakeLocked() {
	if g.serving || g.at == g.topic.offsetLocked() || !g.topic.begin() {
		return
	}
	g.serving = true
	go func() {
		defer g.topic.done()
		g.serve(g.topic.ctx)
	}()
}

// serve delivers until there is nothing more to deliver.
func (g *group) serve(ctx context.Context) {
	for g.take() {
		if !g.fill(ctx) || !g.render(ctx) {
			g.dissolve()
			continue
		}
		g.advance()
		g.deliver()
	}
}

// dissolve lets every member go on alone: the log was replaced or ends, or something does not answer. Each member has to judge that for
// itself, and may wait for it without holding up others. Streams that join from now on make another group.
func (g *group) dissolve() {
	t := g.topic
	t.mu.Lock()
	if t.groups[g.key] == g {
		delete(t.groups, g.key)
	}
	members := slices.Clone(g.members)
	t.mu.Unlock()
	g.batch = nil
	for _, s := range members {
		s.dismiss(g)
	}
}

// dissolveGroups lets all members go on alone, when the hub has stopped.
func (h *Hub) dissolveGroups() {
	for _, t := range h.topicsIn(events.AllPartitions()) {
		t.mu.Lock()
		groups := slices.Collect(maps.Values(t.groups))
		t.mu.Unlock()
		for _, g := range groups {
			g.dissolve()
		}
	}
}
