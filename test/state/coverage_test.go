package state

import (
	"sync"
	"testing"
)

// coverage counts what happened in all runs together: a promise that was never tested was not shown to be kept.
type coverage struct {
	mu     sync.Mutex
	counts map[string]int64
}

// wanted is everything that must happen in the runs, once in fifty of them on average.
var wanted = []string{
	"writes answered", "writes unanswered", "events delivered", "reset EXPIRED", "reset EPOCH",
	"Chat read", "Chats read", "Chat NOT_FOUND", "Chats NOT_FOUND", "subscribe NOT_FOUND",
	"feed events", "feed reset", "feed in a replay",
	"hits", "hits by the header alone", "fills", "foreign leases", "refused fills", "deleted late", "too old", "outages", "left by the dead",
}

func newCoverage() *coverage { return &coverage{counts: map[string]int64{}} }

func (c *coverage) add(r *run) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, chat := range r.hist.chats {
		for _, e := range chat.events {
			c.count("writes answered", e.answer > 0)
			c.count("writes unanswered", e.answer == 0)
		}
	}
	for _, op := range r.hist.reads {
		c.count(op.how+" read", op.version > 0)
		c.count(op.how+" NOT_FOUND", op.version == 0)
	}
	for _, reset := range r.hist.resets {
		c.count("reset "+reset.reason, true)
	}
	for what, n := range r.hist.counts {
		c.counts[what] += n
	}
	c.counts["events delivered"] += int64(len(r.hist.streams))
	c.counts["hits"] += r.stats.Hits
	c.counts["hits by the header alone"] += r.stats.Hits - r.stats.Decodes
	c.counts["fills"] += r.stats.Fills
	c.counts["foreign leases"] += r.stats.ForeignWaits
	c.counts["refused fills"] += r.stats.RefusedFills
	c.counts["deleted late"] += r.stats.DeletedLate
	c.counts["too old"] += r.stats.TooOld
	if w, ok := r.world.(*memoryWorld); ok {
		c.counts["outages"] += int64(w.model.outages.reported)
		c.counts["left by the dead"] += int64(w.model.outages.forgotten)
	}
}

func (c *coverage) count(what string, happened bool) {
	if happened {
		c.counts[what]++
	}
}

func (c *coverage) check(t *testing.T, runs int) {
	t.Helper()
	for _, what := range wanted {
		if least := int64(max(1, runs/50)); c.counts[what] < least {
			t.Errorf("%s: %d in %d runs, less than %d: they tested too little", what, c.counts[what], runs, least)
		}
	}
}
