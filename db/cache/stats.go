package cache

import "sync"

// Stats is what the cache has done since it was made.
type Stats struct {
	Hits         int64 // answered from Redis
	ForeignWaits int64 // another reader's lease or a writer's mark was there: read from the database, nothing filled
	Fills        int64
	RefusedFills int64 // a write came in between, or the lease ran out
	TooOld       int64 // in Redis, but older than what the hub has seen
	Marks        int64 // keys marked as being written
	MarkFailures int64 // keys that could not be marked
	DeletedLate  int64 // keys deleted when Redis answered again
}

type counters struct {
	mu    sync.Mutex
	stats Stats
}

func (g *Guard) count(add func(*Stats)) {
	g.stats.mu.Lock()
	defer g.stats.mu.Unlock()
	add(&g.stats.stats)
}

// Stats returns the counters of the guard and of the cache on it.
func (g *Guard) Stats() Stats {
	g.stats.mu.Lock()
	defer g.stats.mu.Unlock()
	return g.stats.stats
}
