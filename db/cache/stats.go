package cache

import "sync"

// Stats says what the cache has done since it was made.
type Stats struct {
	Hits     int64 // answered from Redis
	Misses   int64 // nothing of use there
	Bypassed int64 // Redis not asked: it is not healthy, another instance does not reach it, or the key waits to be deleted

	ForeignWaits int64 // another reader's lease or a writer's mark was there: read from the database, nothing filled
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
	Pending        int64 // keys that wait to be deleted, now
}

type counters struct {
	mu    sync.Mutex
	stats Stats
}

func (c *counters) count(add func(*Stats)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	add(&c.stats)
}

func (c *Cache) count(add func(*Stats)) { c.guard.stats.count(add) }

// Stats returns the counters of the guard and of the cache on it.
func (g *Guard) Stats() Stats {
	g.stats.mu.Lock()
	defer g.stats.mu.Unlock()
	stats := g.stats.stats
	waiting, _ := g.pending.size()
	stats.Pending = int64(waiting)
	return stats
}
