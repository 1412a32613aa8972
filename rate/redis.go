package rate

import (
	"context"
	_ "embed"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
)

// keyPrefix begins every key. There is no hash tag in it: each call is about one key, which may live on any node.
const keyPrefix = "studychat:rate:"

// redisTimeout bounds what one call waits for Redis.
const redisTimeout = 50 * time.Millisecond

//go:embed take.lua
var takeLua string

var takeScript = redis.NewScript(takeLua)

// Redis is a Limiter that all instances with the same Redis share. A call costs one round trip.
//
// While Redis does not answer, another limiter decides, usually one in this process's memory. Calls that are under way
// when Redis goes silent wait 50 ms, later ones not at all (see breaker).
//
// What that costs in accuracy: the fallback is told of all that this instance took in Redis, so that an outage refills
// no bucket here; each other instance may give one Burst more, and so may Redis, which knows nothing of the outage, when
// it is back. A call that Redis carries out but answers too late is charged in both places.
type Redis struct {
	client   redis.UniversalClient
	fallback Limiter
	timeout  time.Duration // of one call
	breaker  *breaker
}

// NewRedis makes a limiter on Redis that asks fallback while Redis does not answer. The client must respect deadlines
// (ContextTimeoutEnabled) and should not retry; it remains the caller's, who closes it after Stop.
func NewRedis(client redis.UniversalClient, fallback Limiter, log *slog.Logger) *Redis {
	r := &Redis{client: client, fallback: fallback, timeout: redisTimeout}
	r.breaker = newBreaker(r.ask, log)
	return r
}

// Stop ends what runs in the background, and waits for it. Take may be called still.
func (r *Redis) Stop() { r.breaker.stop() }

// Take implements Limiter.
func (r *Redis) Take(ctx context.Context, key string, n int, limit Limit) time.Duration {
	cost, most, wait, known := limit.price(n)
	if known {
		return wait
	}
	wait, err := r.guarded(ctx, question{key: keyPrefix + key, cost: cost, most: most})
	if err == nil && wait > 0 {
		return wait
	}
	local := r.fallback.Take(ctx, key, n, limit) // asked, or only told
	if err != nil {
		return local
	}
	return 0
}

// question is one run of the script.
type question struct {
	key        string
	cost, most time.Duration
}

// guarded asks Redis, unless the breaker is open.
func (r *Redis) guarded(ctx context.Context, q question) (time.Duration, error) {
	if r.breaker.isOpen() {
		return 0, errOpen
	}
	wait, err := r.ask(ctx, q)
	if err != nil && !over(ctx) {
		r.breaker.failed(q, err)
	}
	return wait, err
}

// over says whether it was the caller that gave up. The deadline is looked at, too: it is given to the connection as
// well, whose timer may be the first to fire.
func over(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

func (r *Redis) ask(ctx context.Context, q question) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	wait, err := takeScript.Run(ctx, r.client, []string{q.key}, q.cost.Microseconds(), q.most.Microseconds()).Int64()
	return time.Duration(wait) * time.Microsecond, err
}
