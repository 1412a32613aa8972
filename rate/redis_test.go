package rate

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/redisconn"
	"studychat/test/services"
)

// backAfter asks for permits until Redis is asked again.
func backAfter(t *testing.T, r *Redis) time.Duration {
	t.Helper()
	begun := time.Now()
	eventually(t, "Redis is asked again", func() bool {
		r.Take(t.Context(), "anybody", 1, slow)
		return !r.open()
	})
	return time.Since(begun)
}

// TestHungRedis: the first call waits 50 ms, later ones do not, limits hold, and it comes back by itself.
func TestHungRedis(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	proxy := services.NewProxy(t, server.Addr())
	r := newRedis(t, dial(t, proxy.Addr()))
	granted(t, r, "a", 3, Limit{PerSecond: 1, Burst: 100})
	if r.open() {
		backAfter(t, r) // a busy machine, on which Redis took longer than 50 ms
	}
	proxy.Blackhole()
	begun := time.Now()
	granted(t, r, "a", 1, Limit{PerSecond: 1, Burst: 100})
	first := time.Since(begun)
	if !r.open() || first < redisconn.CallTimeout || first > 10*redisconn.CallTimeout {
		t.Fatalf("open is %t after a call of %v", r.open(), first)
	}
	// Three probes' time of calls.
	calls := []time.Duration(nil)
	for time.Since(begun) < 3*redisconn.ProbeEvery {
		from := time.Now()
		r.Take(t.Context(), "b", 1, Limit{PerSecond: 1_000_000, Burst: 1_000_000})
		calls = append(calls, time.Since(from))
		sleep(100 * time.Microsecond)
	}
	slices.Sort(calls)
	slowest := calls[len(calls)*999/1000]
	t.Logf("first %v, then %d calls: median %v, 99.9 %% %v", first, len(calls), calls[len(calls)/2], slowest)
	if slowest > redisconn.CallTimeout/2 {
		t.Errorf("a call in a thousand took %v while Redis hung", slowest)
	}
	// An outage refills nothing: 96 are left of what was taken in Redis and here.
	refused(t, r, "a", 100, Limit{PerSecond: 1, Burst: 100}, 4*time.Second)
	proxy.Heal()
	proxy.Cut() // what was swallowed never arrives, and its connections are of no use
	t.Logf("back after %v", backAfter(t, r))
}

// TestKilledRedis: noticed at once, back by itself, and empty then. This instance still knows what it gave; another may
// give one burst more.
func TestKilledRedis(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	r := newRedis(t, dial(t, server.Addr()))
	drain(t, r, "a", slow)
	server.Kill()
	begun := time.Now()
	granted(t, r, "b", 1, slow)
	if took := time.Since(begun); !r.open() || took > 10*redisconn.CallTimeout {
		t.Errorf("open is %t, after %v", r.open(), took)
	}
	server.Restart()
	t.Logf("back after %v", backAfter(t, r))
	refused(t, r, "a", 5, slow, 5*time.Second)
	granted(t, newRedis(t, dialPatient(t, server.Addr())), "a", 5, slow)
}

// TestFloodCostsRedisNothing: what two instances know to be exhausted is refused by both without Redis, which is away.
func TestFloodCostsRedisNothing(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	limit := Limit{PerSecond: 1, Burst: 1000}
	first, second := newPatient(t, dialPatient(t, server.Addr())), newPatient(t, dialPatient(t, server.Addr()))
	begun := time.Now()
	granted(t, first, "a", 1000, limit)
	granted(t, second, "b", 1, limit)
	refused(t, second, "a", 500, limit, 500*time.Second) // by Redis
	server.Kill()
	for range 500 {
		refused(t, first, "a", 500, limit, 500*time.Second)
		wait := refused(t, second, "a", 500, limit, 500*time.Second)
		if least := 499*time.Second - time.Since(begun); wait < least { // what Redis said, not what was taken here
			t.Fatalf("to wait %v, not %v", wait, least)
		}
	}
}

// TestRefusalTakesNothingAnywhere: what Redis refuses is given back to memory, which knows then what others have taken.
func TestRefusalTakesNothingAnywhere(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	first, second := newPatient(t, dialPatient(t, server.Addr())), newPatient(t, dialPatient(t, server.Addr()))
	granted(t, first, "a", 3, slow)
	for range 10 {
		refused(t, second, "a", 5, slow, 3*time.Second)
	}
	granted(t, second, "a", 2, slow)
	refused(t, second, "a", 1, slow, time.Second)
}

// TestFullRedis: memory that is full lets nobody count. Redis answers at once, and is not taken for dead; each instance counts by
// itself meanwhile.
func TestFullRedis(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	client := dialPatient(t, server.Addr())
	r := newPatient(t, client)
	granted(t, r, "a", 1, slow)
	if err := client.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	granted(t, r, "a", 1, slow)
	drain(t, r, "b", slow)
	refused(t, r, "b", 1, slow, time.Second)
	if r.open() || client.Exists(t.Context(), keyPrefix+"b").Val() != 0 {
		t.Errorf("open is %t, or Redis counts", r.open())
	}
	if err := client.ConfigSet(t.Context(), "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	granted(t, r, "c", 1, slow)
	if client.Exists(t.Context(), keyPrefix+"c").Val() != 1 {
		t.Error("Redis does not count")
	}
}

// TestCallerWhoGivesUpIsNoFault: a client that goes away says nothing about Redis.
func TestCallerWhoGivesUpIsNoFault(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	r := newTuned(t, dialPatient(t, server.Addr()), 10*time.Second)
	server.Pause()
	defer server.Resume()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if wait := r.Take(ctx, "a", 1, slow); wait != 0 || r.open() {
		t.Errorf("to wait %v, open is %t", wait, r.open())
	}
}

func TestKeysVanish(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	client := dialPatient(t, server.Addr())
	r := newPatient(t, client)
	granted(t, r, "a", 5, Limit{PerSecond: 1, Burst: 5})
	granted(t, r, "b", 1, Limit{PerSecond: 100, Burst: 5})
	if ttl := client.PTTL(t.Context(), keyPrefix+"a").Val(); ttl <= 0 || ttl > 5*time.Second {
		t.Errorf("a bucket that is full in five seconds lives for %v", ttl)
	}
	eventually(t, "the bucket that is full again is gone", func() bool { return client.Exists(t.Context(), keyPrefix+"b").Val() == 0 })
	if keys := client.Keys(t.Context(), "*").Val(); len(keys) > 1 {
		t.Errorf("keys %q", keys)
	}
}

// TestStrangeValues: what another clock or another program left under the key locks nobody out.
func TestStrangeValues(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	client := dialPatient(t, server.Addr())
	r := newPatient(t, client)
	ahead := fmt.Sprint(time.Now().Add(time.Hour).UnixMicro()) // the clock was an hour ahead until just now
	for _, c := range []struct {
		reason, key string
		write       *redis.Cmd
		owes        bool
	}{
		{"the clock has jumped back", "back", client.Do(t.Context(), "SET", keyPrefix+"back", ahead), true},
		{"beyond all times", "far", client.Do(t.Context(), "SET", keyPrefix+"far", "1e300"), true},
		{"before all times", "past", client.Do(t.Context(), "SET", keyPrefix+"past", "-5"), false},
		{"no number", "text", client.Do(t.Context(), "SET", keyPrefix+"text", "hello"), false},
		{"no string", "list", client.Do(t.Context(), "RPUSH", keyPrefix+"list", "hello"), false},
	} {
		if err := c.write.Err(); err != nil {
			t.Fatal(err)
		}
		if c.owes {
			t.Log(c.reason)
			refused(t, r, c.key, 1, slow, time.Second)
			continue
		}
		granted(t, r, c.key, 5, slow)
		refused(t, r, c.key, 5, slow, 5*time.Second)
	}
}

// TestScriptIsForgotten: a Redis that was restarted or flushed does not know the script, which is no failure.
func TestScriptIsForgotten(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	client := dialPatient(t, server.Addr())
	r := newPatient(t, client)
	granted(t, r, "a", 1, slow)
	for range 3 {
		if err := client.ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		batch := make([]*asked, 10)
		for i := range batch {
			batch[i] = &asked{question: question{key: fmt.Sprint(keyPrefix, i), cost: 1, most: 10}}
		}
		if err := r.batches.exchange(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCluster: keys on all nodes, with names that look like hash tags among them.
func TestCluster(t *testing.T) {
	t.Parallel()
	cluster := services.NewRedisCluster(t)
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: cluster.Addrs(), MaxRetries: -1, ContextTimeoutEnabled: true, DisableIdentity: true})
	t.Cleanup(func() { _ = client.Close() })
	first, second := newPatient(t, client), newPatient(t, client)
	var all sync.WaitGroup
	for i := range 30 {
		for _, form := range []string{"user:%d", "{user}:%d", "}{%d", "{}%d"} {
			all.Go(func() {
				key := fmt.Sprintf(form, i)
				granted(t, first, key, 5, slow)
				refused(t, second, key, 5, slow, 5*time.Second)
			})
		}
	}
	all.Wait()
}

// TestScriptAgreesWithMemory: take.lua and take in Go are one algorithm written twice. What a bucket gives from random
// states must be the same, but for what Redis's clock goes on meanwhile.
func TestScriptAgreesWithMemory(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	client := dialPatient(t, server.Addr())
	r := newPatient(t, client)
	for _, debt := range []time.Duration{0, time.Minute, 5 * time.Minute, time.Hour, math.MaxInt32 * time.Second} {
		for _, cost := range []time.Duration{0, time.Minute, 10 * time.Minute, time.Hour} {
			const most = time.Hour
			now, err := client.Time(t.Context()).Result()
			if err != nil {
				t.Fatal(err)
			}
			if err := client.Set(t.Context(), keyPrefix+"x", now.Add(debt).UnixMicro(), 0).Err(); err != nil {
				t.Fatal(err)
			}
			next, want := take(debt, 0, cost, most)
			got, err := r.batches.ask(t.Context(), question{keyPrefix + "x", cost, most})
			if err != nil {
				t.Fatal(err)
			}
			const slack = 20 * time.Second
			if (got.wait == 0) != (want == 0) && want > slack || (got.wait-want).Abs() > slack {
				t.Errorf("owing %v, for %v: Redis says %v, memory %v", debt, cost, got.wait, want)
			}
			if got.wait > 0 {
				next = debt // untouched
			}
			if want := min(next, most); (got.owes - want).Abs() > slack {
				t.Errorf("owing %v, for %v: Redis says that it owes %v, not %v", debt, cost, got.owes, want)
			}
			stored, _ := client.Get(t.Context(), keyPrefix+"x").Int64()
			if left := time.UnixMicro(stored).Sub(now); stored > 0 && (left-next).Abs() > slack {
				t.Errorf("owing %v, for %v: Redis keeps %v, memory %v", debt, cost, left, next)
			}
		}
	}
	if strings.Contains(client.Get(t.Context(), keyPrefix+"x").Val(), ".") {
		t.Error("a fraction of a microsecond was stored")
	}
}

func BenchmarkRedis(b *testing.B) {
	server := services.NewRedisServer(b)
	r := newPatient(b, dialPatient(b, server.Addr()))
	for b.Loop() {
		r.Take(b.Context(), "a", 1, Limit{PerSecond: 1_000_000, Burst: 1_000_000})
	}
}
