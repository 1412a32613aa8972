package gate

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// crowd are writes that come to a gate, and stay inside until they are told to leave.
type crowd struct {
	t     *testing.T
	gate  *Gate
	slots int
	tasks sync.WaitGroup

	mu     sync.Mutex
	inside map[string]*Pass
	failed map[string]error
}

func newCrowd(t *testing.T, slots int) *crowd {
	return &crowd{t: t, gate: New(slots), slots: slots, inside: map[string]*Pass{}, failed: map[string]error{}}
}

// come sends a write to the gate, and returns when it is inside, was refused, or waits.
func (c *crowd) come(ctx context.Context, name string, in Key, may func(context.Context) error) {
	c.tasks.Go(func() {
		p, err := c.gate.Enter(ctx, in, may)
		c.mu.Lock()
		defer c.mu.Unlock()
		if err != nil {
			c.failed[name] = err
			return
		}
		c.inside[name] = p
	})
	synctest.Wait()
}

func (c *crowd) leave(name string) {
	c.mu.Lock()
	p := c.inside[name]
	delete(c.inside, name)
	c.mu.Unlock()
	p.Leave()
	synctest.Wait()
}

func (c *crowd) isInside(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.inside[name] != nil
}

func (c *crowd) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.inside)
}

func (c *crowd) errorOf(name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed[name]
}

func (c *crowd) expectInside(reason string, names ...string) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.inside) != len(names) {
		c.t.Errorf("%s: %d are inside, want %v", reason, len(c.inside), names)
	}
	for _, name := range names {
		if c.inside[name] == nil {
			c.t.Errorf("%s: %s is not inside", reason, name)
		}
	}
}

// end makes the holders of slots leave until none is left, and expects an empty gate.
func (c *crowd) end() {
	c.t.Helper()
	for c.count() > 0 {
		for name, p := range maps.Clone(c.inside) {
			if p.slot {
				c.leave(name)
			}
		}
	}
	c.tasks.Wait()
	expectEmpty(c.t, c.gate, c.slots)
}

func expectEmpty(t *testing.T, g *Gate, slots int) {
	t.Helper()
	if g.room != gateRoom || len(g.keys) != 0 {
		t.Errorf("the gate has room for %d of %d, and %d keys", g.room, gateRoom, len(g.keys))
	}
	if !g.slots.TryAcquire(int64(slots)) || !g.stuck.TryAcquire(max(1, int64(slots)/4)) {
		t.Error("a slot was not given back")
	}
}

// TestGateKey: of one key two writes are inside, the others come in their order; other keys do not wait.
func TestGateKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 6)
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			c.come(t.Context(), name, "hot", nil)
		}
		c.come(t.Context(), "other", "cold", nil)
		c.expectInside("at first", "a", "b", "other")
		c.leave("b")
		c.expectInside("after one has left", "a", "c", "other")
		c.leave("a")
		c.leave("c")
		c.expectInside("in the end", "d", "e", "other")
		c.end()
	})
}

// TestGateSlots: all keys together have no more than the slots, and one key alone never has all of them.
func TestGateSlots(t *testing.T) {
	t.Parallel()
	for slots, width := range map[int]int{1: 1, 2: 1, 3: 1, 4: 2, 15: 2} {
		synctest.Test(t, func(t *testing.T) {
			c := newCrowd(t, slots)
			for i := range slots + 1 {
				c.come(t.Context(), string(rune('a'+i)), "hot", nil)
			}
			if c.count() != width {
				t.Errorf("of %d slots a key has %d, want %d", slots, c.count(), width)
			}
			for i := range slots {
				c.come(t.Context(), string(rune('A'+i)), Key(rune('A'+i)), nil)
			}
			if c.count() != slots {
				t.Errorf("all keys have %d of %d slots", c.count(), slots)
			}
			c.end()
		})
	}
	for conns, want := range map[int]int{1: 1, 2: 1, 3: 2, 8: 7, 20: 18, 1000: 875} {
		if got := Slots(conns); got != want {
			t.Errorf("of %d connections writes may have %d, want %d", conns, got, want)
		}
	}
}

// TestGateCrowded refuses at once who comes when too many wait, for one key or for all. Strangers hear what they would hear
// without the crowd.
func TestGateCrowded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 4)
		fill := func(in Key, n int) {
			for range n {
				c.come(t.Context(), fmt.Sprint(in, rand.Text()), in, nil)
			}
		}
		fill("hot", keyWidth+keyQueue)
		stranger := errors.New("a stranger")
		c.come(t.Context(), "one more", "hot", nil)
		c.come(t.Context(), "a member", "hot", func(context.Context) error { return nil })
		c.come(t.Context(), "a stranger", "hot", func(context.Context) error { return stranger })
		for name, want := range map[string]error{"one more": ErrCrowded, "a member": ErrCrowded, "a stranger": stranger} {
			if got := c.errorOf(name); got != want { //nolint:errorlint // nothing else
				t.Errorf("%s got %v, want %v", name, got, want)
			}
		}
		for i := 0; c.gate.room > 0; i++ {
			fill(Key(fmt.Sprint(i)), min(100, c.gate.room))
		}
		c.come(t.Context(), "for another key", "cold", nil)
		if got := c.errorOf("for another key"); !errors.Is(got, ErrCrowded) {
			t.Errorf("with no room in all, a write got %v", got)
		}
		c.end()
	})
}

// TestGateDeadline: a write that waits until its time is up says so, and gives its place back, wherever it waits.
func TestGateDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 2)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		c.come(t.Context(), "a", "hot", nil)
		c.come(ctx, "for the key", "hot", nil)
		c.come(t.Context(), "after it", "hot", nil)
		c.come(t.Context(), "b", "cold", nil)
		c.come(ctx, "for a slot", "cool", nil)
		<-ctx.Done()
		synctest.Wait()
		for _, name := range []string{"for the key", "for a slot"} {
			if err := c.errorOf(name); !errors.Is(err, ErrCrowded) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("who waited %s got %v", name, err)
			}
		}
		c.leave("a")
		c.expectInside("the next one follows", "b", "after it")
		c.end()
	})
}

// TestGateStrangers asks who waits for long whether they may, once.
func TestGateStrangers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 2)
		var asked atomic.Int64
		stranger := errors.New("a stranger")
		c.come(t.Context(), "a", "hot", nil)
		c.come(t.Context(), "member", "hot", func(context.Context) error { asked.Add(1); return nil })
		c.come(t.Context(), "stranger", "hot", func(context.Context) error { return stranger })
		if asked.Load() != 0 || c.errorOf("stranger") != nil {
			t.Error("they were asked at once")
		}
		<-time.After(3 * patience)
		synctest.Wait()
		if asked.Load() != 1 || !errors.Is(c.errorOf("stranger"), stranger) {
			t.Errorf("the member was asked %d times; the stranger got %v", asked.Load(), c.errorOf("stranger"))
		}
		c.leave("a")
		c.expectInside("the member waited on", "member")
		c.end()
	})
}

// TestGateStuck: writes that waited for their locks in vain share a few slots; the others are free for everybody else.
func TestGateStuck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 8)
		for _, in := range []string{"a", "b", "c", "d"} {
			c.come(t.Context(), in+"1", Key(in), nil)
			c.come(t.Context(), in+"2", Key(in), nil)
		}
		stuck := maps.Clone(c.inside)
		c.come(t.Context(), "other", "cold", nil)
		if c.isInside("other") {
			t.Fatal("there were slots left, so this test proves nothing")
		}
		for _, p := range stuck {
			c.tasks.Go(func() {
				if err := p.Again(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		holding := 0
		for _, p := range stuck {
			if p.slot {
				holding++
			}
		}
		if !c.isInside("other") || holding != 2 {
			t.Errorf("%d of those that are stuck have a slot, want 2; the other one is inside: %t", holding, c.isInside("other"))
		}
		c.end()
	})
}

// TestGateAtRandom has many writes come, wait, give up, get stuck and leave: nothing is exceeded and nothing is left over.
func TestGateAtRandom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const slots = 5
		g := New(slots)
		var writes sync.WaitGroup
		var mu sync.Mutex
		byKey, all := map[Key]int{}, 0
		count := func(in Key, n int) {
			mu.Lock()
			defer mu.Unlock()
			byKey[in] += n
			all += n
			if byKey[in] > keyWidth || all > slots {
				t.Errorf("%d writes in Key %s, %d in all", byKey[in], in, all)
			}
		}
		for range 2000 {
			in := Key(rune('a' + mathrand.N(6)))
			writes.Go(func() {
				<-time.After(mathrand.N(10 * time.Second))
				ctx, cancel := context.WithTimeout(t.Context(), mathrand.N(2*time.Second))
				defer cancel()
				p, err := g.Enter(ctx, in, func(context.Context) error { return nil })
				if err != nil {
					return
				}
				defer p.Leave()
				for range mathrand.N(3) {
					count(in, 1)
					<-time.After(mathrand.N(50 * time.Millisecond))
					count(in, -1)
					if p.Again(ctx) != nil {
						return
					}
				}
			})
		}
		writes.Wait()
		expectEmpty(t, g, slots)
	})
}
