package group_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"studychat/db/sqlstore/group"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// job is what the tests run.
type job struct {
	name string
	ran  bool
}

type call = group.Call[*job]

// recorder runs batches as a test says, and writes down the names in each.
type recorder struct {
	mu      sync.Mutex
	batches [][]string
	takes   time.Duration   // of a batch
	busy    map[string]bool // keys whose lock somebody else has
	lane    func(key string, take group.Take[*job]) ([]*call, error)
}

func (r *recorder) options() group.Options[*job] {
	return group.Options[*job]{
		Parallel: func(int) int { return 1 }, Size: 4, Room: 20, KeyRoom: 10, Patience: time.Second, Wait: 9 * time.Second,
		Run: r.run, Serve: func(key string, take group.Take[*job]) ([]*call, error) { return r.lane(key, take) },
	}
}

func (r *recorder) run(take group.Take[*job]) (busy []*call) {
	var names []string
	for _, c := range take() {
		names = append(names, c.Item.name)
		if r.busy[c.Key] {
			busy = append(busy, c)
		} else {
			c.Item.ran = true
		}
	}
	r.mu.Lock()
	r.batches = append(r.batches, names)
	r.mu.Unlock()
	<-time.After(r.takes)
	return busy
}

func (r *recorder) expect(t *testing.T, want ...[]string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.EqualFunc(r.batches, want, slices.Equal) {
		t.Errorf("the batches were %v, want %v", r.batches, want)
	}
}

// callers makes calls in order, each of its own goroutine, and collects their errors by name.
type callers struct {
	g    *group.Group[*job]
	all  sync.WaitGroup
	mu   sync.Mutex
	errs map[string]error
	jobs []*job
}

func newCallers(g *group.Group[*job]) *callers { return &callers{g: g, errs: map[string]error{}} }

func (c *callers) call(ctx context.Context, key, name string, may func(context.Context) error) {
	j := &job{name: name}
	c.jobs = append(c.jobs, j)
	c.all.Go(func() {
		err := c.g.Do(ctx, key, j, may)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.errs[name] = err
	})
	synctest.Wait()
}

// err is what a call has got; nil also while it has got nothing.
func (c *callers) err(name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.errs[name]
}

// answered says whether a call has got its answer.
func (c *callers) answered(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.errs[name]
	return ok
}

// expectRan checks that exactly the calls without an error have run.
func (c *callers) expectRan(t *testing.T) {
	t.Helper()
	c.all.Wait()
	for _, j := range c.jobs {
		if (c.err(j.name) == nil) != j.ran {
			t.Errorf("%s: ran: %t, error: %v", j.name, j.ran, c.err(j.name))
		}
	}
}

// TestBatchIsWhatGathered: the first call runs alone and at once, the next batches are what came meanwhile, in order.
func TestBatchIsWhatGathered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{takes: 10 * time.Millisecond}
		c := newCallers(group.New(r.options()))
		start := time.Now()
		for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
			c.call(t.Context(), "key "+name, name, nil)
		}
		c.expectRan(t)
		r.expect(t, []string{"a"}, []string{"b", "c", "d", "e"}, []string{"f"})
		if took := time.Since(start); took != 3*r.takes {
			t.Errorf("three batches took %s: somebody waited for a batch to fill", took)
		}
	})
}

// TestOneKeyLeavesRoom: while other keys wait, a hot key gets half of a batch; and it is in one batch at a time.
func TestOneKeyLeavesRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{takes: 10 * time.Millisecond}
		c := newCallers(group.New(r.options()))
		c.call(t.Context(), "another", "first", nil)
		for _, name := range []string{"hot1", "hot2", "hot3", "hot4", "hot5"} {
			c.call(t.Context(), "hot", name, nil)
		}
		c.call(t.Context(), "other", "other", nil)
		c.expectRan(t)
		r.expect(t, []string{"first"}, []string{"hot1", "hot2", "other"}, []string{"hot3", "hot4", "hot5"})
	})
}

// TestParallel: a call of another key begins at once while few batches run, one of the same key waits for its batch.
func TestParallel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{takes: 10 * time.Millisecond}
		options := r.options()
		options.Parallel = func(calls int) int { return max(1, 4-calls) }
		c := newCallers(group.New(options))
		c.call(t.Context(), "a", "a1", nil)
		c.call(t.Context(), "a", "a2", nil)
		c.call(t.Context(), "b", "b", nil)
		r.expect(t, []string{"a1"})
		c.expectRan(t)
		r.expect(t, []string{"a1"}, []string{"b", "a2"})
		c.call(t.Context(), "a", "a3", nil)
		c.call(t.Context(), "b", "b2", nil)
		r.expect(t, []string{"a1"}, []string{"b", "a2"}, []string{"a3"}, []string{"b2"})
		c.expectRan(t)
	})
}

// TestCallerLeaves: a call whose caller goes away before its batch begins does not run; afterwards the batch decides.
func TestCallerLeaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{takes: 10 * time.Millisecond}
		c := newCallers(group.New(r.options()))
		ctx, cancel := context.WithCancel(t.Context())
		c.call(ctx, "key", "in the batch", nil)
		c.call(ctx, "key", "waiting", nil)
		cancel()
		c.call(ctx, "key", "too late", nil)
		c.expectRan(t)
		r.expect(t, []string{"in the batch"})
		for _, name := range []string{"waiting", "too late"} {
			if !errors.Is(c.err(name), context.Canceled) {
				t.Errorf("%s: %v", name, c.err(name))
			}
		}
	})
}

// TestBounds: more calls than there is room for are refused at once, those of one key earlier; may decides first.
func TestBounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{takes: time.Millisecond}
		c := newCallers(group.New(r.options()))
		refused := errors.New("a stranger")
		c.call(t.Context(), "first", "first", nil)
		for i := range 10 {
			c.call(t.Context(), "a", fmt.Sprint("a", i), nil)
		}
		c.call(t.Context(), "a", "one more of a", nil)
		c.call(t.Context(), "a", "a stranger", func(context.Context) error { return refused })
		for i := range 10 {
			c.call(t.Context(), "b", fmt.Sprint("b", i), nil)
		}
		c.call(t.Context(), "c", "c", nil)
		c.expectRan(t)
		for name, want := range map[string]error{"one more of a": group.ErrCrowded, "a stranger": refused, "c": group.ErrCrowded, "b9": nil} {
			if !errors.Is(c.err(name), want) {
				t.Errorf("%s: %v, want %v", name, c.err(name), want)
			}
		}
	})
}

// TestLongWait: after a second may is asked, after the whole time a call is sent away. A batch that takes long has another one in its
// place, until too many take long.
func TestLongWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{takes: 30 * time.Second}
		c := newCallers(group.New(r.options()))
		refused := errors.New("a stranger")
		start := time.Now()
		slow := [][]string{{"a"}, {"b"}, {"c"}, {"d"}}
		for i, batch := range slow {
			c.call(t.Context(), batch[0], batch[0], nil)
			r.expect(t, slow[:i+1]...)
			<-time.After(1100 * time.Millisecond)
		}
		c.call(t.Context(), "key", "member", func(context.Context) error { return nil })
		c.call(t.Context(), "key", "stranger", func(context.Context) error { return refused })
		<-time.After(1100 * time.Millisecond)
		if err := c.err("stranger"); !errors.Is(err, refused) {
			t.Errorf("after a second a stranger got %v", err)
		}
		<-time.After(8 * time.Second)
		if err := c.err("member"); !errors.Is(err, group.ErrCrowded) {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		c.expectRan(t)
		r.expect(t, slow...)
	})
}

// TestPanic: a panic reaches the callers of the batch, and the group goes on.
func TestPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, bad := &recorder{}, true
		options := r.options()
		options.Run = func(take group.Take[*job]) []*call {
			if bad {
				panic("a fault")
			}
			return r.run(take)
		}
		g := group.New(options)
		func() {
			defer func() {
				if p := recover(); p != "a fault" {
					t.Errorf("got the panic %v", p)
				}
			}()
			_ = g.Do(t.Context(), "bad", &job{}, nil)
		}()
		bad = false
		c := newCallers(g)
		c.call(t.Context(), "good", "good", nil)
		c.expectRan(t)
	})
}

// TestStop waits for the calls that have come, and refuses others.
func TestStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{takes: time.Millisecond}
		g := group.New(r.options())
		c := newCallers(g)
		for i := range 7 {
			c.call(t.Context(), "key", fmt.Sprint(i), nil)
		}
		g.Stop()
		if len(r.batches) != 3 {
			t.Errorf("%d batches have run, want 3", len(r.batches))
		}
		if err := g.Do(t.Context(), "key", &job{}, nil); !errors.Is(err, group.ErrStopped) {
			t.Errorf("got %v", err)
		}
		c.expectRan(t)
	})
}
