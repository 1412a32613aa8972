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
