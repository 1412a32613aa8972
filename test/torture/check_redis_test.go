package torture

import (
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Limits of what a subscriber notices when Redis is in trouble.
const (
	outage     = 1500 * time.Millisecond
	mostDuring = 1000.0 // ms, p99
	mostAfter  = 1000.0 // ms
)

// redisTrouble runs the traffic through repeated faults of Redis.
func redisTrouble(r *record, what string, fault func(w *world)) {
	r.Fault = fmt.Sprintf("%s; %d times", what, r.outages)
	w := newWorld(r, setting{})
	l := w.newTraffic(r)
	l.start()
	var troubles []window
	var slowest time.Duration
	healthy := true
	for range r.outages {
		pause(r.calm)
		troubles = append(troubles, during(func() { fault(w) }))
		back, ok := until(10*time.Second, func() bool { return w.all("ok") })
		slowest, healthy = max(slowest, back), healthy && ok
	}
	pause(r.calm)
	l.judge(troubles...)
	r.limit(r.P99 <= mostDuring, "p99 during the fault %.0f ms, limit %.0f", r.P99, mostDuring)
	r.limit(r.CaughtUp <= mostAfter, "caught up %.0f ms after it, limit %.0f", r.CaughtUp, mostAfter)
	r.limit(healthy, "all instances use Redis again after %.0f ms", ms(slowest))
}

func redisKill(r *record) {
	redisTrouble(r, "SIGKILL of Redis, restarted empty after 1.5 s", func(w *world) {
		w.redis.Kill()
		pause(outage)
		w.redis.Restart()
	})
}

func redisStop(r *record) {
	redisTrouble(r, "SIGSTOP of Redis for 1.5 s", func(w *world) {
		w.redis.Pause()
		pause(outage)
		w.redis.Resume()
	})
}

func clientKillPubSub(r *record) {
	redisTrouble(r, "CLIENT KILL TYPE pubsub 10 times in 2.5 s", func(w *world) {
		client := admin(r, w.redis.Addr())
		killed := int64(0)
		for range 10 {
			n, err := client.ClientKillByFilter(r.Context(), "TYPE", "pubsub").Result()
			r.must(err)
			killed += n
			pause(outage / 6)
		}
		r.limit(killed >= 10, "%d connections killed", killed)
	})
}

// outputBuffer floods the channels: Redis disconnects a subscriber whose pending output exceeds the limit.
func outputBuffer(r *record) {
	redisTrouble(r, "pubsub output buffer limit 4 KB, and 32 KB of noise on every channel 5 times in 1.5 s", func(w *world) {
		client := admin(r, w.redis.Addr())
		r.must(client.ConfigSet(r.Context(), "client-output-buffer-limit", "pubsub 4096 0 0").Err())
		before := subscribed(r, client)
		noise := strings.Repeat("x", 32<<10)
		for range 5 {
			channels, err := client.PubSubChannels(r.Context(), "*").Result()
			r.must(err)
			_, err = client.Pipelined(r.Context(), func(pipe redis.Pipeliner) error {
				for _, channel := range channels {
					pipe.Publish(r.Context(), channel, noise)
				}
				return nil
			})
			r.must(err)
			pause(outage / 5)
		}
		closed := 0
		after := subscribed(r, client)
		for id := range before {
			if !after[id] {
				closed++
			}
		}
		r.limit(closed >= 3, "%d of %d receiving connections closed by the limit", closed, len(before))
	})
}

// subscribed returns the ids of the subscribed connections.
func subscribed(r *record, client *redis.Client) map[string]bool {
	ids := map[string]bool{}
	list, err := client.Do(r.Context(), "CLIENT", "LIST", "TYPE", "pubsub").Text()
	r.must(err)
	for line := range strings.Lines(list) {
		id, _, _ := strings.Cut(line, " ")
		ids[id] = true
	}
	return ids
}

// redisBlackhole makes Redis unreachable without closing any connection.
func redisBlackhole(r *record) {
	r.Fault = "a proxy swallows all bytes to and from Redis for 6 s; earlier connections stay dead"
	w := newWorld(r, setting{proxied: true})
	l := w.newTraffic(r)
	l.start()
	pause(r.calm)
	var noticed time.Duration
	var degraded bool
	trouble := during(func() {
		for _, p := range w.proxies {
			p.hole()
		}
		began := time.Now()
		noticed, degraded = until(5*time.Second, func() bool { return w.all("degraded") })
		pause(6*time.Second - time.Since(began))
		for _, p := range w.proxies {
			p.heal()
		}
	})
	back, healthy := until(10*time.Second, func() bool { return w.all("ok") })
	pause(r.calm)
	l.judge(trouble)
	worst := l.worst(trouble)
	r.limit(degraded && noticed <= 3*time.Second, "degraded after %.0f ms, limit 3 s", ms(noticed))
	r.limit(worst <= 3500, "the slowest delivery took %.0f ms, limit 3 s and one sweep", worst)
	r.limit(healthy && back <= 5*time.Second, "healthy again after %.0f ms, limit 5 s", ms(back))
}

// neverPublished covers writers that are killed between commit and publish. The check writes through the store alone.
func neverPublished(r *record) {
	r.Fault = "60 messages committed and never published, in a chat of their own or among the others' events"
	w := newWorld(r, setting{})
	l := w.newTraffic(r)
	l.start()
	pause(r.calm)
	trouble := during(func() { writeUnpublished(l, 30) })
	l.stopWriting()
	l.writing.Wait()
	silent := during(func() { writeUnpublished(l, 30) })
	l.judge(trouble, silent)
	r.limit(l.worst(trouble) <= 6000, "among other events the slowest took %.0f ms, limit 6 s", l.worst(trouble))
	r.limit(l.worst(silent) <= 6000, "in otherwise silent chats the slowest took %.0f ms, limit 6 s", l.worst(silent))
}
