package rate

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestFloodFreesNobody: who has nothing left floods the table with new keys, ten times as many as fit.
func TestFloodFreesNobody(t *testing.T) {
	t.Parallel()
	const room = 100
	limit := Limit{PerSecond: 1, Burst: 10}
	freed := func(t *testing.T, l Limiter) bool {
		granted(t, l, "attacker", 10, limit)
		for i := range 10 * room {
			granted(t, l, fmt.Sprint("other", i), 1+i%9, limit)
		}
		return l.Take(t.Context(), "attacker", 1, limit) == 0
	}
	synctest.Test(t, func(t *testing.T) {
		if freed(t, newMemory(room)) {
			t.Error("the attacker's bucket was forgotten")
		}
		if !freed(t, &forgetful{room: room, buckets: map[string]Limiter{}}) {
			t.Error("the control, which drops the oldest, forgot nothing: the flood shows nothing")
		}
	})
}

// forgetful drops the oldest bucket when there are too many.
type forgetful struct {
	room    int
	order   []string
	buckets map[string]Limiter
}

func (f *forgetful) Take(ctx context.Context, key string, n int, limit Limit) time.Duration {
	if f.buckets[key] == nil {
		if len(f.order) == f.room {
			delete(f.buckets, f.order[0])
			f.order = slices.Delete(f.order, 0, 1)
		}
		f.order = append(f.order, key)
		f.buckets[key] = NewMemory()
	}
	return f.buckets[key].Take(ctx, key, n, limit)
}

// TestFullTableKeepsWhoOwesMost: of what does not fit, the bucket goes that owes least.
func TestFullTableKeepsWhoOwesMost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(3)
		for i, key := range []string{"three", "one", "two"} {
			granted(t, m, key, []int{3, 1, 2}[i], slow)
		}
		granted(t, m, "new", 1, slow)
		for _, key := range []string{"three", "two", "new"} {
			if m.buckets[key] == nil {
				t.Errorf("%q was forgotten", key)
			}
		}
		granted(t, m, "newer", 1, slow)
		if m.buckets["new"] != nil || m.buckets["newer"] == nil {
			t.Error("the newcomer that owed least is still there, or the newest is not")
		}
	})
}

// TestMemoryStaysWhole: the map and the heap agree and stay small whatever happens.
func TestMemoryStaysWhole(t *testing.T) {
	t.Parallel()
	const room = 50
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			random, m := rand.New(rand.NewPCG(seed, 2)), newMemory(room)
			for range 2000 {
				limit := Limit{PerSecond: 1 + random.IntN(100), Burst: 1 + random.IntN(10)}
				m.Take(t.Context(), fmt.Sprint(random.IntN(2*room)), 1+random.IntN(limit.Burst), limit)
				if random.IntN(5) == 0 {
					sleep(time.Duration(random.Int64N(int64(100 * time.Millisecond))))
				}
				checkWhole(t, m, room)
			}
		})
	}
}

func checkWhole(t *testing.T, m *Memory, room int) {
	t.Helper()
	if len(m.buckets) > room || len(m.owing) != len(m.buckets) {
		t.Fatalf("%d buckets, %d in the heap, room for %d", len(m.buckets), len(m.owing), room)
	}
	for i, b := range m.owing {
		if b.index != i || m.buckets[b.key] != b || m.owing[(i-1)/2].tat > b.tat && i > 0 {
			t.Fatalf("bucket %+v at %d is out of place", *b, i)
		}
	}
}

// TestMemoryShrinks: what a flood leaves is forgotten as soon as it is full again, a little with each call.
func TestMemoryShrinks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1000)
		for i := range 1000 {
			granted(t, m, fmt.Sprint(i), 1, slow)
		}
		sleep(time.Second)
		for range 1001 {
			m.Take(t.Context(), "a", 1, slow)
		}
		if len(m.buckets) != 1 {
			t.Errorf("%d buckets are left", len(m.buckets))
		}
	})
}

// TestCorrect: what another store refused is given back, and the bucket owes what it owes there.
func TestCorrect(t *testing.T) {
	t.Parallel()
	const each = time.Second // of slow
	for _, c := range []struct {
		reason     string
		taken, n   int
		owes       time.Duration
		passes     time.Duration // between asking and the answer
		left, wait int           // permits that are left, seconds to wait for one more
	}{
		{"it owes more there", 2, 1, 4 * each, 0, 1, 1},
		{"as much", 2, 1, 2 * each, 0, 3, 1},
		{"less, as the outcome of some calls is unknown", 3, 1, 0, 0, 2, 1},
		{"it takes its time: what is owed is owed now", 2, 1, 2 * each, 2 * each, 3, 1},
		{"so long that all was earned again here", 1, 4, 5 * each, 10 * each, 0, 1},
		{"nothing is given back", 3, 0, 4 * each, 0, 1, 1},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := newMemory(10)
				granted(t, m, "other", 1, slow)
				granted(t, m, "a", c.taken, slow)
				granted(t, m, "a", c.n, slow)
				sleep(c.passes)
				m.correct("a", time.Duration(c.n)*each, c.owes)
				checkWhole(t, m, 10)
				granted(t, m, "a", c.left, slow)
				refused(t, m, "a", 1, slow, time.Duration(c.wait)*each)
				granted(t, m, "other", 4, slow)
			})
		})
	}
	t.Run("a bucket that was forgotten stays so", func(t *testing.T) {
		t.Parallel()
		m := newMemory(10)
		m.correct("a", each, 3*each)
		if checkWhole(t, m, 10); len(m.buckets) != 0 {
			t.Error("it is there")
		}
	})
}

func BenchmarkMemory(b *testing.B) {
	keys := make([]string, maxBuckets)
	for i := range keys {
		keys[i] = fmt.Sprintf("user:%036d", i)
	}
	m := NewMemory()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := rand.IntN(len(keys)); pb.Next(); i = (i + 1) % len(keys) {
			m.Take(b.Context(), keys[i], 1, Limit{PerSecond: 1, Burst: 1_000_000})
		}
	})
}
