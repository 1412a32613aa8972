//go:build linux

package bench

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/redis/go-redis/v9"
)

const (
	largeChatRate        = 40_000 // deliveries per second
	smallChatSubscribers = 20
	smallChatRate        = 2000
	instanceCallers      = 128 // of each instance: batches are as large as they are on one
)

// instances: one, two and four instances share the server's core, and the subscribers of a chat are spread over them. What counts is the
// CPU time of all of them for each delivery and send: what an instance more costs, and not what a core more brings.
func instances(st *stand) {
	for n := range st.scale.rounds {
		for _, count := range []int{1, 2, 4} {
			name := fmt.Sprintf("%d instances", count)
			if count == 1 {
				name = "1 instance"
			}
			st.t.Run(fmt.Sprintf("%d %s", n, name), func(t *testing.T) { st.instancesOnce(t, n, name, count) })
		}
	}
}

func (st *stand) instancesOnce(t *testing.T, n int, name string, count int) {
	p := st.cached(t, ours)
	for range count - 1 {
		p.also = append(p.also, st.cached(t, ours))
	}
	target := fanTarget{name: name, start: func(testing.TB) *process { return p }, over: overSocket}
	for _, chat := range []struct {
		scenario          string
		subscribers, rate int
	}{{"instances-large", st.scale.subscribers, largeChatRate}, {"instances-small", smallChatSubscribers, smallChatRate}} {
		a := st.gather(t, target, chat.subscribers)
		paced, err := delivered{}, a.warm()
		if err == nil {
			paced, err = a.paced(st.scale.paced, chat.rate)
		}
		a.close()
		if err != nil {
			t.Fatal(err)
		}
		st.keep(t, chat.scenario, n, a, target, paced)
	}
	sending := sendTarget(p, "spread")
	sending.process = renamed(p, name)
	postgres, cache := postmaster(t, st.dsn[ours]), st.redisCosts(t)
	database := familyCPU(postgres)
	sent := st.sendOnce("instances-sends", instanceCallers*count, n, ours, sending)
	database, cache = familyCPU(postgres)-database, st.redisCosts(t).less(cache)
	each := func(all float64) float64 { return all / float64(sent.Answered) }
	st.results.add("instances-sends", name, n, figures{
		"database_us": each(float64(database.Microseconds())), "redis_us": each(cache.seconds * 1e6), "redis_commands": each(cache.commands),
	})
	t.Logf("instances-sends %s: each took %.0f µs of PostgreSQL, %.0f µs and %.1f commands of Redis", name, each(float64(database.Microseconds())), each(cache.seconds*1e6), each(cache.commands))
	p.stop()
}

// redisCosts are what Redis has done since it started.
type redisCosts struct{ seconds, commands float64 }

func (c redisCosts) less(before redisCosts) redisCosts {
	return redisCosts{c.seconds - before.seconds, c.commands - before.commands}
}

func (st *stand) redisCosts(t testing.TB) redisCosts {
	t.Helper()
	options, err := redis.ParseURL(st.redis)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	defer client.Close()
	info, err := client.InfoMap(t.Context(), "cpu", "stats").Result()
	if err != nil {
		t.Fatal(err)
	}
	number := func(section, name string) float64 {
		value, err := strconv.ParseFloat(info[section][name], 64)
		if err != nil {
			t.Fatalf("Redis says %s is %q", name, info[section][name])
		}
		return value
	}
	return redisCosts{number("CPU", "used_cpu_user") + number("CPU", "used_cpu_sys"), number("Stats", "total_commands_processed")}
}
