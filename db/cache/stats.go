package cache

import "sync/atomic"

// counters are what Stats is made of; guard and cache share them.
type counters struct {
	hits, misses, bypassed                 atomic.Int64
	leases, foreign, fills, refused        atomic.Int64
	tooBig, tooOld, damaged                atomic.Int64
	marks, markFailures, finishFailures    atomic.Int64
	deletedLate, overflows, redisFailures  atomic.Int64
	probes, probeFailures, redisRoundTrips atomic.Int64
}

// Stats says what the cache has done since it was made.
type Stats struct {
	Hits     int64 // answered from Redis
	Misses   int64 // nothing of use there
	Bypassed int64 // Redis not asked: the breaker is open, another instance does not reach it, or the key waits to be deleted

	Leases       int64 // the right to fill was taken
	ForeignWaits int64 // someone else's lease or mark stood there: read from the database, nothing filled
	Fills        int64
	RefusedFills int64 // a write came in between, or the lease ran out
	TooBig       int64 // not filled for its size
	TooOld       int64 // in Redis, but older than what the hub has seen
	Damaged      int64 // in Redis, but unreadable

	Marks          int64 // keys marked as being written
	MarkFailures   int64 // keys that could not be marked
	FinishFailures int64 // keys whose mark could not be taken away, or whose body could not be deleted, in time
	DeletedLate    int64 // keys deleted when Redis answered again
	Overflows      int64 // times when there were too many to remember, so that everything was deleted

	RoundTrips    int64 // requests to Redis, a pipeline counting as one
	RedisFailures int64
	Probes        int64
	ProbeFailures int64
	BreakerOpened int64
	Pending       int64 // keys that wait to be deleted, now
}

// Stats returns the counters of the guard and of the cache on it.
func (g *Guard) Stats() Stats {
	c := g.link.stats
	waiting, _ := g.pending.size()
	return Stats{
		Hits: c.hits.Load(), Misses: c.misses.Load(), Bypassed: c.bypassed.Load(),
		Leases: c.leases.Load(), ForeignWaits: c.foreign.Load(), Fills: c.fills.Load(), RefusedFills: c.refused.Load(),
		TooBig: c.tooBig.Load(), TooOld: c.tooOld.Load(), Damaged: c.damaged.Load(),
		Marks: c.marks.Load(), MarkFailures: c.markFailures.Load(), FinishFailures: c.finishFailures.Load(),
		DeletedLate: c.deletedLate.Load(), Overflows: c.overflows.Load(),
		RoundTrips: c.redisRoundTrips.Load(), RedisFailures: c.redisFailures.Load(),
		Probes: c.probes.Load(), ProbeFailures: c.probeFailures.Load(),
		BreakerOpened: g.link.breaker.timesOpened(), Pending: int64(waiting),
	}
}

// Stats returns the counters of the cache and of its guard.
func (c *Cache) Stats() Stats { return c.guard.Stats() }
