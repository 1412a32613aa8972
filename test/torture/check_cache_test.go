package torture

import (
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"studychat/db"
	"studychat/test/services"
)

// newStacks returns three stacks, each behind its own proxy.
func newStacks(r *record, o stacking) ([]*stack, []*proxy, *services.RedisServer) {
	server := services.NewRedisServer(r)
	o.dsn = services.Postgres(r)
	var stacks []*stack
	var proxies []*proxy
	for range 3 {
		p := newProxy(r, server.Addr())
		o.redis = p.listener.Addr().String()
		stacks, proxies = append(stacks, newStack(r, o)), append(proxies, p)
	}
	return stacks, proxies, server
}

// cacheLinearizable delays every step, kills some writers before they finish, and makes some commits take 3 s.
func cacheLinearizable(r *record) {
	r.Fault = "random delays at every step, 1 % of the writers die before they finish, 1 % of the commits take 3 s"
	stacks, _, _ := newStacks(r, stacking{delay: delays{step: 8 * time.Millisecond, load: 20 * time.Millisecond}})
	w := newWorkload(r, stacks)
	w.fates = true
	w.start()
	pause(5 * r.calm)
	ops := w.done()
	stale := judgeReads(ops)
	r.Stale = len(stale)
	w.usage(ops)
	result := linearizable(ops, 30*time.Second)
	r.limit(result == porcupine.Ok, "porcupine: %s", result)
	r.limit(len(stale) == 0, "%d stale reads; %d times new and then old", len(stale), newThenOld(ops))
}

// mostAfterHang is how long reads may be stale after Redis has hung.
const mostAfterHang = 2 * time.Second

// noStale runs the workload through a fault during which no read may be stale. Where the machine is busy with other work, Redis may
// not answer in time: then it hangs, as far as an instance can tell, and what that allows is counted apart.
func noStale(r *record, fault func(server *services.RedisServer)) {
	stacks, _, server := newStacks(r, stacking{delay: delays{step: time.Millisecond, load: 5 * time.Millisecond}})
	w := newWorkload(r, stacks)
	w.start()
	pause(r.calm)
	fault(server)
	pause(r.calm)
	ops := w.done()
	stale, excused, late := judgeReads(ops), 0, w.lateAnswers()
	stale = slices.DeleteFunc(stale, func(s staleRead) bool {
		hung := slices.ContainsFunc(late, func(at time.Duration) bool { return at <= s.ret && s.call-at <= mostAfterHang })
		if hung {
			excused++
		}
		return hung
	})
	r.Stale = len(stale)
	w.usage(ops)
	r.limit(len(stale) == 0, "%d stale reads%s", len(stale), worstLag(stale))
	if len(late) > 0 {
		r.note("this machine was too busy: Redis did not answer in time %d times, and %d stale reads followed within %v", len(late), excused, mostAfterHang)
	}
	r.note("%d times new and then old, while a write was under way", newThenOld(ops))
}

func worstLag(stale []staleRead) string {
	if len(stale) == 0 {
		return ""
	}
	worst := slices.MaxFunc(stale, func(a, b staleRead) int { return int(a.lag - b.lag) })
	return ", the worst " + worst.lag.Round(time.Millisecond).String() + " late"
}

func cacheRedisKill(r *record) {
	r.Fault = "SIGKILL of Redis, restarted empty after 1 s, 3 times; CLIENT KILL TYPE normal, 30 times"
	noStale(r, func(server *services.RedisServer) {
		for range 3 {
			server.Kill()
			pause(time.Second)
			server.Restart()
			pause(3 * time.Second) // the cache is used again after one second of health and one heartbeat
		}
		client := admin(r, server.Addr())
		for range 30 {
			r.must(client.ClientKillByFilter(r.Context(), "TYPE", "normal", "SKIPME", "yes").Err())
			pause(50 * time.Millisecond)
		}
	})
}

func cacheFlush(r *record) {
	r.Fault = "FLUSHALL 60 times in 3 s, then maxmemory 2 MB allkeys-lru with noise for 3 s"
	noStale(r, func(server *services.RedisServer) {
		client := admin(r, server.Addr())
		for range 60 {
			r.must(client.FlushAll(r.Context()).Err())
			pause(50 * time.Millisecond)
		}
		r.must(client.ConfigSet(r.Context(), "maxmemory-policy", "allkeys-lru").Err())
		r.must(client.ConfigSet(r.Context(), "maxmemory", "2mb").Err())
		noise := strings.Repeat("x", 64<<10)
		for began := time.Now(); time.Since(began) < 3*time.Second; pause(5 * time.Millisecond) {
			client.Set(r.Context(), "noise:"+db.NewID(), noise, time.Minute) // refused while nothing can be evicted
		}
		r.must(client.ConfigSet(r.Context(), "maxmemory", "0").Err())
		info, err := client.Info(r.Context(), "stats").Result()
		r.must(err)
		_, evicted, _ := strings.Cut(info, "evicted_keys:")
		evicted, _, _ = strings.Cut(evicted, "\r")
		r.limit(evicted != "0", "%s keys evicted", evicted)
	})
}

// cacheHang allows stale reads of what was written while Redis hung, until 2 s after Redis is back.
func cacheHang(r *record) {
	r.Fault = "SIGSTOP of Redis for 1.5 s, twice; a proxy that swallows all bytes for 1.5 s, twice"
	stacks, proxies, server := newStacks(r, stacking{delay: delays{step: time.Millisecond, load: 5 * time.Millisecond}})
	w := newWorkload(r, stacks)
	w.start()
	var returns []time.Duration
	for range 2 {
		pause(r.calm)
		server.Pause()
		pause(outage)
		server.Resume()
		returns = append(returns, w.h.now())
		pause(r.calm)
		for _, p := range proxies {
			p.hole()
		}
		pause(outage)
		for _, p := range proxies {
			p.heal()
		}
		returns = append(returns, w.h.now())
	}
	pause(r.calm)
	ops := w.done()
	w.usage(ops)
	stale := judgeReads(ops)
	var latest time.Duration
	late := 0
	for _, s := range stale {
		back := time.Duration(0)
		for _, at := range returns {
			if at <= s.call {
				back = at
			}
		}
		latest = max(latest, s.call-back)
		if s.call-back > mostAfterHang {
			late++
		}
	}
	r.Stale = len(stale)
	r.limit(late == 0, "%d stale reads%s; the last %.0f ms after Redis was back, limit 2 s", len(stale), worstLag(stale), ms(latest))
}

// cachePartition separates one instance from Redis. Its writes are not invalidated, and it announces that to the
// others.
func cachePartition(r *record) {
	const duration = 10 * time.Second
	r.Fault = "the writing instance of three is separated from Redis for 10 s"
	stacks, proxies, _ := newStacks(r, stacking{live: true})
	w := newWorkload(r, stacks)
	w.only = stacks[0] // writes of others to the same chat would be seen
	follow := map[string]bool{}
	for _, c := range w.chats[:cachedChats/2] {
		follow[c.id] = true
		for _, s := range stacks {
			w.watch(s, c)
		}
	}
	w.start()
	pause(r.calm)
	proxies[0].hole()
	pause(duration)
	proxies[0].heal()
	back := w.h.now()
	pause(r.calm)
	ops := w.done()
	w.usage(ops)
	worst := map[bool]time.Duration{}
	after := 0
	stale := judgeReads(ops)
	for _, s := range stale {
		worst[follow[s.chat]] = max(worst[follow[s.chat]], s.lag)
		if s.call > back+mostStale {
			after++
		}
	}
	r.Stale = len(stale)
	r.limit(worst[true] <= mostStale, "writes of the separated instance were visible up to %.0f ms late where a subscriber watched the chat, limit 2 s", ms(worst[true]))
	r.limit(worst[false] <= mostStale, "and up to %.0f ms late elsewhere, limit 2 s", ms(worst[false]))
	r.limit(after == 0, "%d stale reads later than 2 s after the separation ended", after)
}
