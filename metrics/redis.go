package metrics

import (
	"studychat/db/cache"
	"studychat/metrics/tally"
	"studychat/rate"
	"studychat/redisconn"
)

// Redis is what exists only with Redis, and the limits that also exist without it.
type Redis struct {
	Conn    *redisconn.Conn
	Guard   *cache.Guard
	Cache   *cache.Cache
	Refused func() map[rate.Refusal]*tally.Counter // by the rate limits; nil: there are none
}

// limits are all that refuse mutations.
var limits = []rate.Refusal{{Scope: "user", Store: "memory"}, {Scope: "user", Store: "redis"}, {Scope: "address", Store: "memory"}, {Scope: "address", Store: "redis"}}

// states are all that redisconn.Health.State says.
var states = []string{"ok", "degraded", "suspect", "down"}

func (r Redis) list() []Metric {
	return []Metric{
		{
			Name: "studychat_redis_state", Help: "1 for what is known of Redis: ok; degraded, if it answers but does not do all that is needed; suspect; or down.", Labels: []string{"state"},
			read: func(to reading) {
				if r.Conn == nil {
					return
				}
				now := r.Conn.Cache.Health.State()
				for _, state := range states {
					to.is(now == state, state)
				}
			},
		},
		{
			Name: "studychat_cache_requests_total", Help: "Reads of what is cached: answered by Redis (hit), or by the database since Redis did not have it (miss) or was not asked (bypass).",
			Labels: []string{"kind", "result"},
			read: func(to reading) {
				if r.Cache == nil {
					return
				}
				for kind, n := range r.Cache.Requests() {
					to.counter(n.Hits, kind, "hit")
					to.counter(n.Misses, kind, "miss")
					to.counter(n.Bypassed, kind, "bypass")
				}
			},
		},
		{
			Name: "studychat_cache_pending_keys", Help: "Keys that wait to be deleted in Redis, since writes did not reach it.",
			read: func(to reading) {
				if r.Guard != nil {
					n, _ := r.Guard.Pending()
					to.gauge(float64(n))
				}
			},
		},
		{
			Name: "studychat_rate_limited_total", Help: "Mutations that came too fast, by whose limit it was and whether this instance or Redis knew.", Labels: []string{"scope", "store"},
			read: func(to reading) {
				if r.Refused == nil {
					return
				}
				for kind, n := range begun(r.Refused(), limits...) {
					to.counter(n.Load(), kind.Scope, kind.Store)
				}
			},
		},
	}
}
