package rate

import (
	"context"
	_ "embed"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/breaker"
)

// keyPrefix begins every key. There is no hash tag in it: each call is about one key, which may live on any node.
const keyPrefix = "studychat:rate:"

//go:embed take.lua
var takeLua string

var takeScript = redis.NewScript(takeLua)

// Redis is a Limiter that all instances with the same Redis share. A call costs one round trip.
//
// While Redis does not answer, another limiter decides, usually one in this process's memory. Calls that are under way
// when Redis goes silent wait 50 ms, later ones not at all (see package breaker). An error reply counts like none: nothing
// was counted, and to be wrong about an outage costs no more than half a second of counting by ourselves.
//
// What that costs in accuracy: the fallback is told of all that this instance took in Redis, so that an outage refills
// no bucket here; each other instance may give one Burst more, and so may Redis, which knows nothing of the outage, when
// it is back. A call that Redis carries out but answers too late is charged in both places.
type Redis struct {
	client   redis.UniversalClient
	fallback Limiter
	breaker  *breaker.Breaker
}

// NewRedis makes a limiter on Redis that asks fallback while Redis does not answer. The client must respect deadlines
// (ContextTimeoutEnabled) and should not retry; it remains the caller's, who closes it after Stop.
func NewRedis(client redis.UniversalClient, fallback Limiter, log *slog.Logger) *Redis {
	return &Redis{client: client, fallback: fallback, breaker: breaker.New("rate limits", log)}
}

// Stop ends what runs in the background, and waits for it. Take may be called still: the fallback decides.
func (r *Redis) Stop() { r.breaker.Stop() }

// Take implements Limiter.
func (r *Redis) Take(ctx context.Context, key string, n int, limit Limit) time.Duration {
	cost, most, wait, known := limit.price(n)
	if known {
		return wait
	}
	wait, err := r.ask(ctx, keyPrefix+key, cost, most)
	if err == nil && wait > 0 {
		return wait
	}
	local := r.fallback.Take(ctx, key, n, limit) // asked, or only told
	if err != nil {
		return local
	}
	return 0
}

// ask runs the script, unless the breaker is open. The probe runs it for no permits, since it fails then for whatever makes
// the call fail, such as memory that is full, where a PING would be answered.
func (r *Redis) ask(ctx context.Context, key string, cost, most time.Duration) (wait time.Duration, err error) {
	err = r.breaker.Do(ctx,
		func(ctx context.Context) (err error) { wait, err = r.run(ctx, key, cost, most); return err },
		func(ctx context.Context) error { _, err := r.run(ctx, key, 0, most); return err })
	return wait, err
}

func (r *Redis) run(ctx context.Context, key string, cost, most time.Duration) (time.Duration, error) {
	wait, err := takeScript.Run(ctx, r.client, []string{key}, cost.Microseconds(), most.Microseconds()).Int64()
	return time.Duration(wait) * time.Microsecond, err
}
