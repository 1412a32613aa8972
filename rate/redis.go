package rate

import (
	"context"
	"time"

	"studychat/redisconn"
)

// Redis is a Limiter that all instances with the same Redis share.
//
// The order of a call:
//
//  1. This process's memory, which has been charged with all that this instance let through. What it refuses is refused,
//     and Redis is not asked.
//  2. Redis, which knows what the other instances let through. Calls that come while it is being asked wait, and
//     are asked about together in the next round trip. What Redis refuses is given back to memory, and from each answer
//     memory learns what the bucket owes in all: the rest of a flood costs Redis nothing, whichever instances it comes to.
//  3. If Redis does not answer, or is not healthy (see redisconn.Health), what memory has said is the answer. An error
//     reply counts as no answer: nothing was counted.
//
// A call waits for two round trips at most, its own and the one before, and for 50 ms if the first fails: those who wait
// for the second are not asked about then. While Redis is not healthy nobody waits.
//
// Guarantees beside those of Limiter: an instance never gives more than Burst + PerSecond × t by itself, whatever Redis
// does, be it dead, restarted empty or flushed. So n instances never give more than n times that, and together no more than
// it as long as Redis answers. What Redis carries out but answers too late is charged in both places. A wait that memory
// tells may be too short by what the other instances took since memory learned last, and too long by one round trip.
type Redis struct {
	redis   redisconn.Handle
	memory  *Memory
	batches batches
}

// NewRedis makes a limiter on Redis and this process's memory. The client must respect deadlines (ContextTimeoutEnabled)
// and should not retry. The caller closes it, after Stop.
func NewRedis(redis redisconn.Handle, memory *Memory) *Redis {
	return &Redis{redis: redis, memory: memory, batches: batches{redis: redis}}
}

// Stop ends what runs in the background, and waits for it. Take may be called still: memory decides.
func (r *Redis) Stop() { r.batches.stop() }

// Take implements Limiter.
func (r *Redis) Take(ctx context.Context, key string, n int, limit Limit) time.Duration {
	cost, most, wait, known := limit.price(n)
	if known {
		return wait
	}
	if wait := r.memory.Take(ctx, key, n, limit); wait > 0 {
		return wait
	}
	answer, err := r.batches.ask(ctx, question{key: r.redis.Names.Keys().Rate(key), cost: cost, most: most})
	switch {
	case err != nil:
		return 0
	case answer.wait == 0:
		r.memory.correct(key, 0, answer.owes)
	default:
		r.memory.correct(key, cost, answer.owes)
	}
	return answer.wait
}
