package rate

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"studychat/test/services"
)

// grant is a call that was let through, between two times.
type grant struct {
	begun, ended time.Duration
	n            int
}

// overdrawn looks at every stretch of time between two grants, and names the first in which more was given than there may be.
func overdrawn(grants []grant, limit Limit) error {
	for _, first := range grants {
		for _, last := range grants {
			given, span := 0, last.ended-first.begun
			for _, g := range grants {
				if g.begun >= first.begun && g.ended <= last.ended {
					given += g.n
				}
			}
			if most := float64(limit.Burst) + float64(limit.PerSecond)*span.Seconds(); span >= 0 && float64(given) > most {
				return fmt.Errorf("%+v: %d permits from %v to %v, of at most %.1f", limit, given, first.begun, last.ended, most)
			}
		}
	}
	return nil
}

// trial plays a random schedule on one bucket, in virtual time, and says what was wrong with the answers.
func trial(t *testing.T, l Limiter, random *rand.Rand) error {
	limit := Limit{PerSecond: 1 + random.IntN(50), Burst: 1 + random.IntN(20)}
	begun, grants := time.Now(), []grant(nil)
	take := func(n int) time.Duration {
		wait := l.Take(t.Context(), "a", n, limit)
		if now := time.Since(begun); wait == 0 {
			grants = append(grants, grant{now, now, n})
		}
		return wait
	}
	for range 60 {
		switch random.IntN(10) {
		case 0: // long enough to be full again, or nearly
			sleep(time.Duration(random.Int64N(int64(limit.each()) * int64(2*limit.Burst))))
		case 1, 2, 3:
			sleep(time.Duration(random.Int64N(int64(2 * limit.each()))))
		}
		n := 1
		if random.IntN(3) == 0 {
			n += random.IntN(limit.Burst)
		}
		wait := take(n)
		if wait == 0 || random.IntN(3) > 0 {
			continue
		}
		// The wait is neither too long nor too short.
		sleep(wait - time.Nanosecond)
		if left := take(n); left != time.Nanosecond {
			return fmt.Errorf("%+v: %v before the end of the wait of %v, it is %v", limit, time.Nanosecond, wait, left)
		}
		sleep(time.Nanosecond)
		if left := take(n); left != 0 {
			return fmt.Errorf("%+v: refused for %v more after the wait of %v", limit, left, wait)
		}
	}
	return overdrawn(grants, limit)
}

// trials plays a number of schedules and returns what the first bad one did wrong.
func trials(t *testing.T, seeds int, newLimiter func() Limiter) (bad error) {
	for seed := range uint64(seeds) {
		synctest.Test(t, func(t *testing.T) {
			if err := trial(t, newLimiter(), rand.New(rand.NewPCG(seed, 1))); err != nil {
				bad = fmt.Errorf("seed %d: %w", seed, err)
			}
		})
		if bad != nil {
			return bad
		}
	}
	return nil
}

func TestNoScheduleGetsMore(t *testing.T) {
	t.Parallel()
	if err := trials(t, 300, func() Limiter { return NewMemory() }); err != nil {
		t.Error(err)
	}
}

// TestControls: limiters that are known to be wrong must fail, or the trials would show nothing.
func TestControls(t *testing.T) {
	t.Parallel()
	for reason, naive := range map[string]func() Limiter{
		"a counter per fixed window gives twice the burst around its turn": func() Limiter { return &fixedWindow{patient: true} },
		"the same, which in addition says nothing useful about waiting":    func() Limiter { return &fixedWindow{} },
		"who refuses always gives too little":                              func() Limiter { return always(time.Second) },
		"who never refuses gives too much":                                 func() Limiter { return always(0) },
	} {
		if err := trials(t, 300, naive); err == nil {
			t.Errorf("%s: nobody noticed", reason)
		} else {
			t.Logf("%s: %v", reason, err)
		}
	}
}

type always time.Duration

func (a always) Take(context.Context, string, int, Limit) time.Duration { return time.Duration(a) }

// fixedWindow is the usual counter: so many per window, and a new window begins with nothing.
type fixedWindow struct {
	patient bool // tells to wait for the turn of the window, else a moment
	began   time.Time
	taken   int
}

func (f *fixedWindow) Take(_ context.Context, _ string, n int, limit Limit) time.Duration {
	window := limit.each() * time.Duration(limit.Burst)
	now := time.Now()
	if turn := now.Truncate(window); !turn.Equal(f.began) {
		f.began, f.taken = turn, 0
	}
	if f.taken+n > limit.Burst {
		if f.patient {
			return f.began.Add(window).Sub(now)
		}
		return time.Nanosecond
	}
	f.taken += n
	return 0
}

// TestTwoInstancesGetNoMore: two limiters on one Redis, many goroutines each, in real time.
func TestTwoInstancesGetNoMore(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	limit := Limit{PerSecond: 100, Burst: 20}
	var (
		mu      sync.Mutex
		grants  []grant
		refused int
		all     sync.WaitGroup
	)
	begun := time.Now()
	for i := range 2 {
		l := newPatient(t, dialPatient(t, server.Addr()))
		for j := range 8 {
			random := rand.New(rand.NewPCG(uint64(i), uint64(j)))
			all.Go(func() {
				for time.Since(begun) < 500*time.Millisecond {
					n, from := 1+random.IntN(3), time.Since(begun)
					wait := l.Take(t.Context(), "a", n, limit)
					mu.Lock()
					if wait == 0 {
						grants = append(grants, grant{from, time.Since(begun), n})
					} else {
						refused++
					}
					mu.Unlock()
				}
			})
		}
	}
	all.Wait()
	given := 0
	for _, g := range grants {
		given += g.n
	}
	t.Logf("%d permits in %d calls, %d refused", given, len(grants), refused)
	if err := overdrawn(grants, limit); err != nil {
		t.Error(err)
	}
	if given < limit.Burst || refused == 0 {
		t.Errorf("%d permits given and %d calls refused", given, refused)
	}
}
