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
//  1. The memory of this process, which counts all that this instance has admitted. What it refuses is refused without asking
//     Redis.
//  2. Redis, which knows what the other instances have admitted. Calls that arrive during a round trip wait and share the next
//     one. What Redis refuses is given back to memory, and each answer tells memory what the bucket owes in all: the rest of a
//     flood costs Redis nothing, on every instance.
//  3. If Redis does not answer, or is not healthy (see redisconn.Health), the answer of memory counts. An error reply
//     does not count as an answer: nothing was counted.
//
// A call waits for at most two round trips, its own and the one before, and for 50 ms if the first fails: then the waiting calls
// are not asked about. While Redis is not healthy no call waits.
//
// Guarantees beside those of Limiter: an instance never gives more than Burst + PerSecond × t by itself, whatever Redis
// does, be it dead, restarted empty or flushed. So n instances never give more than n times that, and together no more than
// it as long as Redis answers. What Redis carries out but answers too late is charged in both places. A wait
// reported by memory may be too short by what the other instances took since the last answer, and too long by one round trip.
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

// Stop waits for the current round trip. Take still works afterwards: memory decides.
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
	if answer.wait > 0 {
		r.memory.refused.count(key, "redis")
	}
	return answer.wait
}
