package cache

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

func (t *tier) check(tb testing.TB) (entries, bytes int) {
	tb.Helper()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, d := range t.bodies.Values() {
		bytes += d.bytes
	}
	if bytes != t.bytes || bytes > t.maxBytes {
		tb.Errorf("%d bytes are counted, %d there, %d allowed", t.bytes, bytes, t.maxBytes)
	}
	return t.bodies.Len(), bytes
}

func TestTheTierIsBounded(t *testing.T) {
	t.Parallel()
	tier := newTier(1000, 5)
	for i := range 20 {
		tier.put(fmt.Sprint("k", i%10), decoded{fill: fillID(i), bytes: 10})
	}
	if n, _ := tier.check(t); n != 5 {
		t.Errorf("%d entries, want 5", n)
	}
	for i := range 5 {
		tier.put(fmt.Sprint("big", i), decoded{bytes: 400})
	}
	if n, _ := tier.check(t); n != 2 {
		t.Errorf("%d entries of 404 bytes in 1000", n)
	}
	tier.put("huge", decoded{bytes: 1001})
	if n, bytes := tier.check(t); n != 0 || bytes != 0 {
		t.Errorf("%d entries, %d bytes", n, bytes)
	}
}

// What is rendered from a body counts as its memory, until the body leaves.
func TestTheTierCountsWhatIsRendered(t *testing.T) {
	t.Parallel()
	tier := newTier(1000, 5)
	tier.put("a", decoded{fill: 1, bytes: 99})
	tier.put("b", decoded{fill: 2, bytes: 99})
	if !tier.grow("a", 1, 500) || !tier.grow("a", 1, -100) {
		t.Error("a body that is kept does not grow")
	}
	if n, bytes := tier.check(t); n != 2 || bytes != 600 {
		t.Errorf("%d entries, %d bytes", n, bytes)
	}
	if tier.grow("a", 3, 1) || tier.grow("c", 1, 1) {
		t.Error("another fill grows, or a body that is not kept")
	}
	tier.grow("a", 1, 450)
	if _, ok := tier.get("b"); ok {
		t.Error("what was not used for longest stays, and the rest is too large")
	}
	tier.drop("a", 1)
	if n, bytes := tier.check(t); n != 0 || bytes != 0 {
		t.Errorf("%d entries, %d bytes", n, bytes)
	}
}

func TestTheTierForgetsWhatWasNotUsed(t *testing.T) {
	t.Parallel()
	tier := newTier(1000, 2)
	tier.put("a", decoded{fill: 1})
	tier.put("b", decoded{fill: 2})
	tier.get("a")
	tier.put("c", decoded{fill: 3})
	if _, ok := tier.get("b"); ok {
		t.Error("the one that was used last is gone before the other")
	}
	if d, ok := tier.get("a"); !ok || d.fill != 1 {
		t.Errorf("%+v, %t", d, ok)
	}
}

func TestTheTierDropsOnlyTheFillThatIsGone(t *testing.T) {
	t.Parallel()
	tier := newTier(1000, 2)
	tier.put("a", decoded{fill: 1, bytes: 1})
	tier.put("a", decoded{fill: 2, bytes: 1})
	tier.drop("a", 1) // by a reader that was slow
	if d, ok := tier.get("a"); !ok || d.fill != 2 {
		t.Errorf("%+v, %t", d, ok)
	}
	tier.drop("a", 2)
	if n, bytes := tier.check(t); n != 0 || bytes != 0 {
		t.Errorf("%d entries, %d bytes", n, bytes)
	}
}

func TestTheTierUnderConcurrentUse(t *testing.T) {
	t.Parallel()
	tier := newTier(2000, 20)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 2000 {
				key, fill := fmt.Sprint("k", rand.IntN(40)), fillID(rand.IntN(3))
				switch d, ok := tier.get(key); {
				case ok && d.body != key:
					t.Errorf("%s holds the body of %v", key, d.body)
				case rand.IntN(2) == 0:
					tier.put(key, decoded{fill: fill, body: key, bytes: rand.IntN(200)})
				default:
					tier.drop(key, fill)
				}
			}
		})
	}
	all.Wait()
	tier.check(t)
}
