package cache

import "sync/atomic"

// Stats is what the cache has done since it was made.
type Stats struct {
	Hits         int64 // answered from Redis
	Decodes      int64 // bodies decoded: hits on a fill that this process did not have yet
	ForeignWaits int64 // another reader's lease or a writer's mark was there: read from the database, nothing filled
	Fills        int64
	RefusedFills int64 // a write came in between, or the lease ran out
	TooOld       int64 // in Redis, but older than what the hub has seen
	Marks        int64 // keys marked as being written
	MarkFailures int64 // keys that could not be marked
	DeletedLate  int64 // keys deleted when Redis answered again
}

// Requests is how reads of one kind of value were answered.
type Requests struct{ Hits, Misses, Bypassed int64 }

// requests counts them. Bypassed are the reads that did not ask Redis, since it does not answer or may be old.
type requests struct{ hits, misses, bypassed atomic.Int64 }

func (r *requests) count(found, asked bool) {
	switch {
	case found:
		r.hits.Add(1)
	case asked:
		r.misses.Add(1)
	default:
		r.bypassed.Add(1)
	}
}

func (r *requests) read() Requests {
	return Requests{r.hits.Load(), r.misses.Load(), r.bypassed.Load()}
}

// Requests returns how reads were answered, by the kind of what they read.
func (c *Cache) Requests() map[string]Requests {
	return map[string]Requests{"chat": c.chats.requests.read(), "list": c.lists.requests.read()}
}

// Pending is how many keys wait to be deleted in Redis. all says that there are too many to know, and everything is to be deleted.
func (g *Guard) Pending() (n int, all bool) { return g.pending.size() }

type counters struct {
	hits, decodes, foreignWaits, fills, refusedFills, tooOld, marks, markFailures, deletedLate atomic.Int64
}

// Stats returns the counters of the guard and of the cache on it. They are read one after the other.
func (g *Guard) Stats() Stats {
	c := &g.stats
	return Stats{
		Hits:         c.hits.Load(),
		Decodes:      c.decodes.Load(),
		ForeignWaits: c.foreignWaits.Load(),
		Fills:        c.fills.Load(),
		RefusedFills: c.refusedFills.Load(),
		TooOld:       c.tooOld.Load(),
		Marks:        c.marks.Load(),
		MarkFailures: c.markFailures.Load(),
		DeletedLate:  c.deletedLate.Load(),
	}
}
