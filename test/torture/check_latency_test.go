package torture

import (
	"context"
	"math"
	"slices"
	"time"

	"studychat/db"
)

// Limits of what a caller notices when Redis is down.
const (
	mostBefore = 110.0 // ms over the healthy p99: until the breaker opens
	mostOnce   = 2.0   // ms over the healthy p99, after that
	rounds     = 3     // of each fault; medians are judged, because one hiccup of the machine can be a p99
)

// redisDownLatency measures single calls, one after the other, so that only Redis delays them.
func redisDownLatency(r *record) {
	r.Fault = "Redis stopped (SIGSTOP), refused (SIGKILL), black-holed (proxy); 3 times each"
	r.Load = "4 callers of one server, reads and writes alternately"
	w := newWorld(r, setting{})
	proxied := newWorld(r, setting{proxied: true})
	latencyOf(r, w, "stopped", w.redis.Pause, w.redis.Resume)
	latencyOf(r, w, "refused", w.redis.Kill, w.redis.Restart)
	latencyOf(r, proxied, "black-holed", proxied.proxies[0].hole, proxied.proxies[0].heal)
}

// latencyOf compares healthy calls with those right after the fault and with those after the breaker has opened.
func latencyOf(r *record, w *world, name string, fail, heal func()) {
	var before, after, healthyP99, worst []float64
	for range rounds {
		c := newCaller(r, w)
		c.settle()
		healthy := c.call(time.Second)
		fail()
		first := c.call(500 * time.Millisecond) // the breaker opens after five failures within a second, or after one and a failed probe
		later := c.call(time.Second)
		heal()
		if _, ok := until(10*time.Second, func() bool { return w.instances[0].redisState(w.client) == "ok" }); !ok {
			r.limit(ok, "%s: not healthy again within 10 s", name)
		}
		base := ms2(quantile(healthy, 0.99))
		healthyP99 = append(healthyP99, base)
		before = append(before, ms2(quantile(first, 0.99))-base)
		after = append(after, ms2(quantile(later, 0.99))-base)
		worst = append(worst, ms2(quantile(first, 1)))
	}
	r.P99 = max(r.P99, median(before)+median(healthyP99))
	r.limit(median(before) <= mostBefore, "%s: until the breaker opens p99 is healthy %+.1f ms (rounds %.1f; slowest call %.1f), limit +110", name, median(before), before, median(worst))
	r.limit(median(after) <= mostOnce, "%s: after that p99 is healthy %+.1f ms (rounds %.1f; healthy p99 %.1f), limit +2", name, median(after), after, healthyP99)
}

// caller is a few clients of one server, each with its own chat.
type caller struct {
	r     *record
	w     *world
	chats []string
}

const callers = 4

// settle warms up until calls are fast again. After a black hole, each dead connection in the pool costs one call a
// timeout.
func (c *caller) settle() {
	c.r.Helper()
	slow := 40 * time.Millisecond
	if _, ok := until(15*time.Second, func() bool { return quantile(c.call(300*time.Millisecond), 1) < slow }); !ok {
		c.r.limit(ok, "15 s after a fault calls still take more than %s", slow)
	}
}

func newCaller(r *record, w *world) *caller {
	c := &caller{r: r, w: w}
	for range callers {
		id := db.NewID()
		w.must("ann", createChat, vars{"id": id, "title": "Latency"}, nil)
		c.chats = append(c.chats, id)
	}
	return c
}

// call alternates reads and writes for some time and pauses after each, so that the load of the machine is not
// measured.
func (c *caller) call(duration time.Duration) []time.Duration {
	all := make([][]time.Duration, callers)
	wait := make(chan error, callers)
	for n, chat := range c.chats {
		go func() {
			var err error
			for began, k := time.Now(), 0; time.Since(began) < duration && err == nil; k++ {
				document, v := readChat, vars{"id": chat}
				if k%2 == 1 {
					document, v = sendMessage, vars{"chat": chat, "content": "hello"}
				}
				call := time.Now()
				err = post(context.Background(), c.w.client, c.w.instances[0], "ann", document, v, nil)
				all[n] = append(all[n], time.Since(call))
				pause(5 * time.Millisecond)
			}
			wait <- err
		}()
	}
	for range callers {
		if err := <-wait; err != nil {
			c.r.Errorf("a call failed: %v", err)
		}
	}
	return slices.Concat(all...)
}

func ms2(d time.Duration) float64 {
	return math.Round(float64(d)/float64(time.Millisecond)*100) / 100
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}
