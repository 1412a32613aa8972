package rate

import (
	"context"
	"crypto/rand"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/test/services"
)

// slow earns a permit a second: so slowly that what a test does at once happens at once on a busy machine, too.
var slow = Limit{PerSecond: 1, Burst: 5}

// suite is what every Limiter does. A case runs in real time or in a bubble, on a limiter of its own.
var suite = []struct {
	reason string
	run    func(t *testing.T, l Limiter)
}{
	{"a bucket gives its burst and no more", func(t *testing.T, l Limiter) { drain(t, l, "a", slow) }},
	{"all permits or none: a refusal takes nothing", func(t *testing.T, l Limiter) {
		granted(t, l, "a", 4, slow)
		refused(t, l, "a", 5, slow, 4*time.Second)
		granted(t, l, "a", 1, slow)
	}},
	{"several permits take as much longer to earn", func(t *testing.T, l Limiter) {
		begun := time.Now()
		drain(t, l, "a", slow)
		wait := refused(t, l, "a", 4, slow, 4*time.Second)
		if least := 4*time.Second - time.Since(begun); wait < least {
			t.Errorf("to wait %v for four permits, not %v", wait, least)
		}
	}},
	{"who comes back when told gets his permits", func(t *testing.T, l Limiter) {
		limit := Limit{PerSecond: 20, Burst: 3}
		drain(t, l, "a", limit)
		for _, n := range []int{1, 2, 3} {
			if wait := l.Take(t.Context(), "a", n, limit); wait > 0 {
				sleep(wait + time.Millisecond) // two clocks may differ
			}
			granted(t, l, "a", n, limit)
		}
	}},
	{"a bucket that is left alone holds one burst", func(t *testing.T, l Limiter) {
		limit := Limit{PerSecond: 20, Burst: 5}
		drain(t, l, "a", limit)
		sleep(10 * limit.each())
		drain(t, l, "a", limit)
	}},
	{"more than the burst will never do, and takes nothing", func(t *testing.T, l Limiter) {
		if wait := l.Take(t.Context(), "a", 6, slow); wait != Never {
			t.Errorf("to wait %v", wait)
		}
		granted(t, l, "a", 5, slow)
	}},
	{"without a limit everything passes", func(t *testing.T, l Limiter) {
		for range 100 {
			granted(t, l, "a", 1_000_000, Limit{})
			granted(t, l, "a", 1, Limit{Burst: 1})
		}
	}},
	{"a burst below one counts as one", func(t *testing.T, l Limiter) {
		granted(t, l, "a", 1, Limit{PerSecond: 1, Burst: -3})
		refused(t, l, "a", 1, Limit{PerSecond: 1}, time.Second)
	}},
	{"no permits cost nothing", func(t *testing.T, l Limiter) {
		drain(t, l, "a", slow)
		granted(t, l, "a", 0, slow)
		granted(t, l, "a", -1, slow)
		refused(t, l, "a", 1, slow, time.Second)
	}},
	{"buckets know nothing of each other", func(t *testing.T, l Limiter) {
		for _, key := range []string{"a", "b", "user:{a}", "user:a", "", "é \n"} {
			drain(t, l, key, slow)
		}
	}},
	{"a lowered limit locks nobody out", func(t *testing.T, l Limiter) {
		granted(t, l, "a", 1000, Limit{PerSecond: 1, Burst: 1000})
		refused(t, l, "a", 1, slow, time.Second)
	}},
	{"the fastest and the largest limit", func(t *testing.T, l Limiter) {
		granted(t, l, "a", maxBurst, Limit{PerSecond: 1, Burst: 1 << 62})
		refused(t, l, "a", maxBurst, Limit{PerSecond: 1, Burst: 1 << 62}, maxBurst*time.Second)
		granted(t, l, "b", 1, Limit{PerSecond: 1 << 62, Burst: 1})
	}},
	{"a rate that does not divide a second", func(t *testing.T, l Limiter) {
		drain(t, l, "a", Limit{PerSecond: 3, Burst: 30})
		drain(t, l, "b", Limit{PerSecond: 7, Burst: 1})
	}},
	{"a caller that has gone gets an answer", func(t *testing.T, l Limiter) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if wait := l.Take(ctx, "a", 1, slow); wait != 0 {
			t.Errorf("to wait %v", wait)
		}
	}},
	{"a hundred at once get what one would", func(t *testing.T, l Limiter) {
		limit := Limit{PerSecond: 1, Burst: 70}
		begun, taken := time.Now(), new(atomic.Int64)
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				for range 3 {
					if l.Take(t.Context(), "a", 1, limit) == 0 {
						taken.Add(1)
					}
				}
			})
		}
		all.Wait()
		checkTaken(t, int(taken.Load()), limit, time.Since(begun))
	}},
}

// each is the time between two permits.
func (l Limit) each() time.Duration { return time.Second / time.Duration(l.PerSecond) }

func granted(t *testing.T, l Limiter, key string, n int, limit Limit) {
	t.Helper()
	if wait := l.Take(t.Context(), key, n, limit); wait != 0 {
		t.Errorf("%d of %q, %+v: to wait %v", n, key, limit, wait)
	}
}

func refused(t *testing.T, l Limiter, key string, n int, limit Limit, most time.Duration) time.Duration {
	t.Helper()
	wait := l.Take(t.Context(), key, n, limit)
	if wait <= 0 || wait > most {
		t.Errorf("%d of %q, %+v: to wait %v, of at most %v", n, key, limit, wait, most)
	}
	return wait
}

// drain empties a full bucket one by one, and checks that it gave what it had to.
func drain(t *testing.T, l Limiter, key string, limit Limit) {
	t.Helper()
	begun := time.Now()
	for taken := 0; ; taken++ {
		wait := l.Take(t.Context(), key, 1, limit)
		if wait > limit.each()+time.Microsecond {
			t.Fatalf("to wait %v for one permit of %+v", wait, limit)
		}
		if wait > 0 || taken > 100*limit.Burst {
			checkTaken(t, taken, limit, time.Since(begun))
			return
		}
	}
}

func checkTaken(t *testing.T, taken int, limit Limit, elapsed time.Duration) {
	t.Helper()
	if most := float64(limit.Burst) + float64(limit.PerSecond)*elapsed.Seconds(); taken < limit.Burst || float64(taken) > most {
		t.Errorf("%d permits in %v from a full bucket with %+v", taken, elapsed, limit)
	}
}

func TestMemory(t *testing.T) {
	t.Parallel()
	for _, c := range suite {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { c.run(t, NewMemory()) })
		})
	}
}

func TestRedis(t *testing.T) {
	t.Parallel()
	options, err := redis.ParseURL(services.Redis(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range suite {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			c.run(t, apart{newPatient(t, dialPatient(t, options.Addr)), rand.Text()})
		})
	}
}

// TestWithoutRedis: what a limiter does whose Redis refuses from the start is what memory does.
func TestWithoutRedis(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	server.Kill()
	for _, c := range suite {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			c.run(t, newRedis(t, dial(t, server.Addr())))
		})
	}
}

// apart gives a case its own keys in a Redis that it shares.
type apart struct {
	Limiter

	prefix string
}

func (a apart) Take(ctx context.Context, key string, n int, limit Limit) time.Duration {
	return a.Limiter.Take(ctx, a.prefix+key, n, limit)
}
