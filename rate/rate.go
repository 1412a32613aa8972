// Package rate limits how often something may happen: a number of times per second, with room for a burst.
//
// The algorithm is GCRA, the generic cell rate algorithm, in its virtual scheduling form (ATM Forum, Traffic Management
// Specification 4.0, af-tm-0056.000, April 1996; ITU-T I.371): a leaky bucket whose whole state is one number, the
// theoretical arrival time (TAT), at which all permits taken so far are available again. Rejected: a counter per fixed
// window, which lets twice the burst through around the turn of a window; a log of arrivals, which costs memory for each.
package rate

import (
	"context"
	"math"
	"time"
)

// Limit describes a bucket. The zero value limits nothing.
type Limit struct {
	// PerSecond is the sustained rate, at most 1,000,000. Below 1 means no limit.
	PerSecond int
	// Burst is how many permits a full bucket holds, at most 1,000,000,000. Below 1 counts as 1.
	Burst int
}

// Never is the answer to a call that asks for more permits at once than the bucket ever holds.
const Never = time.Duration(math.MaxInt64)

// Limiter hands out permits. Implementations are safe for concurrent use.
//
// In any stretch of time t, a bucket gives at most Burst + PerSecond × t permits, for any number of callers.
//
//   - State: one time per bucket. A bucket that was never used is full; it is forgotten as soon as it is full again.
//   - Atomicity: calls for one bucket happen one after the other, also those of different instances that share Redis.
//     Nothing is promised about two buckets.
//   - Clock: that of the Redis server in Redis, the process's monotonic clock in memory. If Redis's clock jumps back,
//     or a limit is lowered, the debt of a bucket is reduced to one Burst: no caller is ever locked out for longer.
//   - Accuracy: a microsecond. The time between two permits is rounded up to a whole number of them, so that the real rate
//     is never above PerSecond and less than PerSecond ÷ 1,000,000 of it below.
type Limiter interface {
	// Take takes n permits from the bucket of key, all or none of them.
	//
	// It returns 0 when they were taken. Otherwise nothing was taken, and the same call succeeds after the returned time if
	// no other caller takes from the bucket meanwhile; Never means that n is above the limit's Burst. With n below 1 there
	// is nothing to take.
	//
	// Take cannot fail: without its store it decides by what it knows. It waits for at most 100 ms, and less if ctx ends; it
	// answers even if ctx has ended. The limit is the caller's and is not stored: the same
	// key always goes with the same limit.
	Take(ctx context.Context, key string, n int, limit Limit) time.Duration
}

// Bounds of a limit. Together they keep all times below 2^52 µs, so that the numbers of Lua, which are floating, are exact.
const (
	maxPerSecond = 1_000_000
	maxBurst     = 1_000_000_000
)

// price returns the cost of n permits, as the time that it takes to earn them, and how much a bucket may owe in all. If known is
// set, wait is the answer without asking a bucket.
func (l Limit) price(n int) (cost, most, wait time.Duration, known bool) {
	burst := min(max(l.Burst, 1), maxBurst)
	switch {
	case n < 1 || l.PerSecond < 1:
		return 0, 0, 0, true
	case n > burst:
		return 0, 0, Never, true
	}
	perSecond := time.Duration(min(l.PerSecond, maxPerSecond))
	// Rounded once and then multiplied: if each cost were rounded, a burst of single permits would not fit.
	interval := (maxPerSecond + perSecond - 1) / perSecond * time.Microsecond
	return time.Duration(n) * interval, time.Duration(burst) * interval, 0, false
}

// take is the algorithm: tat is the bucket's time, now the present one. It returns the bucket's new time, or how long to wait
// when the bucket must stay as it is. take.lua does the same.
func take(tat, now, cost, most time.Duration) (next, wait time.Duration) {
	next = min(max(tat, now), now+most) + cost
	return next, max(0, next-now-most)
}
