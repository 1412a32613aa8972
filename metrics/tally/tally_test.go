package tally_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"studychat/metrics/tally"
)

// TestDurations: each observation is in the bucket whose bound it does not exceed, and in all above.
func TestDurations(t *testing.T) {
	t.Parallel()
	var d tally.Durations
	d.Observe(-time.Second)           // 0
	d.Observe(500 * time.Microsecond) // the bound itself
	d.ObserveMany(3*time.Millisecond, 4)
	d.Observe(time.Hour)
	h := d.Read()
	if len(h.Counts) != len(h.Bounds)+1 || len(h.Bounds) != len(tally.Bounds) {
		t.Fatalf("%d counts for %d bounds", len(h.Counts), len(h.Bounds))
	}
	for i, want := range map[int]int64{0: 2, 2: 2, 3: 6, len(tally.Bounds) - 1: 6, len(tally.Bounds): 7} {
		if h.Counts[i] != want {
			t.Errorf("bucket %d has %d, not %d: %v", i, h.Counts[i], want, h.Counts)
		}
	}
	if h.Count() != 7 || h.Sum < 3600.0124 || h.Sum > 3600.0126 {
		t.Errorf("%d observations, sum %v", h.Count(), h.Sum)
	}
	if !slices.IsSorted(h.Bounds) || h.Bounds[0] != 0.0005 {
		t.Errorf("bounds %v", h.Bounds)
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	var s tally.Sizes
	for _, n := range []int{1, 2, 3, 128, 5000} {
		s.Observe(n)
	}
	h := s.Read()
	if h.Counts[0] != 1 || h.Counts[1] != 2 || h.Counts[2] != 3 || h.Counts[8] != 4 || h.Count() != 5 || h.Sum != 5134 {
		t.Errorf("%+v", h)
	}
	if h.Bounds[0] != 1 || h.Bounds[8] != 256 {
		t.Errorf("bounds %v", h.Bounds)
	}
}

// TestFamily: concurrent first uses of a key share one value, and no addition is lost.
func TestFamily(t *testing.T) {
	t.Parallel()
	type key struct{ a, b string }
	var f tally.Family[key, tally.Counter]
	if len(f.All()) != 0 {
		t.Error("an unused family has values")
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 400 {
				f.Of(key{"x", string(rune('a' + i%20))}).Add(1)
			}
		})
	}
	all.Wait()
	if len(f.All()) != 20 {
		t.Errorf("%d keys", len(f.All()))
	}
	for k, v := range f.All() {
		if v.Load() != 8*20 {
			t.Errorf("%v: %d", k, v.Load())
		}
	}
}

// TestUsualUseAllocatesNothing: counting is on the hot paths.
func TestUsualUseAllocatesNothing(t *testing.T) { //nolint:paralleltest // it counts what the whole process allocates
	var d tally.Durations
	var f tally.Family[[2]string, tally.Durations]
	f.Of([2]string{"a", "b"})
	if n := testing.AllocsPerRun(100, func() {
		d.Observe(time.Second)
		f.Of([2]string{"a", "b"}).Observe(time.Millisecond)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkObserve(b *testing.B) {
	var f tally.Family[[4]string, tally.Durations]
	for b.Loop() {
		f.Of([4]string{"query", "", "http", "OK"}).Observe(80 * time.Microsecond)
	}
}
