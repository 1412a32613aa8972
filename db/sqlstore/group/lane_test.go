package group_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"studychat/db/sqlstore/group"
)

// lock is what somebody else holds until it is closed.
type lock chan struct{}

// wait is a Serve that waits for the lock, and then runs what it takes.
func (l lock) wait(_ string, take group.Take[*job]) ([]*call, error) {
	<-l
	for _, c := range take() {
		c.Item.ran = true
	}
	return nil, nil
}

// TestBusyKey: the calls of a key that somebody else has locked wait in its lane; other keys go on. Callers may leave the lane. Once the
// lock is free the others run together.
func TestBusyKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		held := make(lock)
		r := &recorder{busy: map[string]bool{"stuck": true}, lane: held.wait}
		c := newCallers(group.New(r.options()))
		ctx, cancel := context.WithCancel(t.Context())
		c.call(t.Context(), "stuck", "s1", nil)
		c.call(ctx, "stuck", "leaves", nil)
		c.call(t.Context(), "stuck", "s2", nil)
		start := time.Now()
		c.call(t.Context(), "free", "free", nil)
		if !c.answered("free") || time.Since(start) > 0 {
			t.Error("a call of another key waited")
		}
		cancel()
		synctest.Wait()
		if !errors.Is(c.err("leaves"), context.Canceled) {
			t.Errorf("the caller that left got %v", c.err("leaves"))
		}
		r.busy = nil
		close(held)
		c.expectRan(t)
		c.call(t.Context(), "stuck", "after", nil)
		c.expectRan(t)
		r.expect(t, []string{"s1"}, []string{"free"}, []string{"after"})
	})
}

// TestLaneTriesAgain: calls that Serve returns are tried again, those whose callers have left are not.
func TestLaneTriesAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		r := &recorder{busy: map[string]bool{"stuck": true}}
		r.lane = func(_ string, take group.Take[*job]) ([]*call, error) {
			calls := take()
			<-time.After(time.Second)
			if tries++; tries < 3 {
				return calls, nil
			}
			for _, c := range calls {
				c.Item.ran = true
			}
			return nil, nil
		}
		c := newCallers(group.New(r.options()))
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		c.call(t.Context(), "stuck", "stays", nil)
		c.call(ctx, "stuck", "leaves", nil)
		c.expectRan(t)
		if tries != 3 || !errors.Is(c.err("leaves"), context.DeadlineExceeded) {
			t.Errorf("%d tries; the caller that left got %v", tries, c.err("leaves"))
		}
	})
}

// TestLaneFails: an error, or a panic before any call was taken, ends all calls of the lane. The next ones begin anew.
func TestLaneFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fault := errors.New("a fault")
		r := &recorder{busy: map[string]bool{"stuck": true}}
		r.lane = func(string, group.Take[*job]) ([]*call, error) { return nil, fault }
		g := group.New(r.options())
		c := newCallers(g)
		c.call(t.Context(), "stuck", "s", nil)
		c.expectRan(t)
		if !errors.Is(c.err("s"), fault) {
			t.Errorf("got %v", c.err("s"))
		}
		r.lane = func(string, group.Take[*job]) ([]*call, error) { panic(fault) }
		func() {
			defer func() {
				if cause, ok := recover().(error); !ok || !errors.Is(cause, fault) {
					t.Error("the panic was swallowed")
				}
			}()
			_ = g.Do(t.Context(), "stuck", &job{}, nil)
		}()
	})
}

// TestNothingIsLost has callers of all kinds, locks that come and go, and panics: every call is answered once, and it has run if and
// only if its answer says so.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	var locked [3]atomic.Bool
	run := func(calls []*call) (busy []*call) {
		for _, c := range calls {
			if locked[c.Key[0]-'a'].Load() {
				busy = append(busy, c)
				continue
			}
			if c.Item.ran {
				t.Error("a call has run twice")
			}
			c.Item.ran = true
		}
		return busy
	}
	g := group.New(group.Options[*job]{
		Parallel: func(int) int { return 2 }, Size: 4, Room: 50, KeyRoom: 30, Patience: time.Second, Wait: 5 * time.Second,
		Run: func(take group.Take[*job]) []*call { return run(take()) },
		Serve: func(_ string, take group.Take[*job]) ([]*call, error) {
			return run(take()), nil
		},
	})
	var all sync.WaitGroup
	var ran, refused atomic.Int64
	for i := range 100 {
		all.Go(func() {
			dice := rand.New(rand.NewPCG(1, uint64(i)))
			for range 50 {
				key := dice.IntN(3)
				locked[key].Store(dice.IntN(2) == 0)
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(dice.IntN(2000))*time.Microsecond)
				j := &job{name: fmt.Sprint(i)}
				err := g.Do(ctx, string(rune('a'+key)), j, nil)
				cancel()
				if (err == nil) != j.ran {
					t.Errorf("ran: %t, error: %v", j.ran, err)
				}
				if err == nil {
					ran.Add(1)
				} else {
					refused.Add(1)
				}
			}
		})
	}
	all.Wait()
	for i := range locked {
		locked[i].Store(false)
	}
	g.Stop()
	if ran.Load() == 0 || refused.Load() == 0 {
		t.Errorf("%d calls ran and %d did not: this test proves nothing", ran.Load(), refused.Load())
	}
}
