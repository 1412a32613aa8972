package cache

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/redisconn"
)

// turnstile is a hook that holds each request until the test lets it pass.
type turnstile struct {
	commandLog

	came chan struct{}
	pass chan struct{}
	shut atomic.Bool
}

func newTurnstile() *turnstile {
	h := &turnstile{came: make(chan struct{}, 100), pass: make(chan struct{})}
	h.shut.Store(true)
	return h
}

func (h *turnstile) wait() {
	if h.shut.Load() {
		h.came <- struct{}{}
		<-h.pass
	}
}

func (h *turnstile) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return h.commandLog.ProcessHook(func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "getrange" {
			h.wait()
		}
		return next(ctx, cmd)
	})
}

func (h *turnstile) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return h.commandLog.ProcessPipelineHook(func(ctx context.Context, cmds []redis.Cmder) error {
		h.wait()
		return next(ctx, cmds)
	})
}

// queue makes headers on a Redis that holds the values k0, k1, … for the keys k0, k1, …
func queue(t testing.TB, hook redis.Hook) *headers {
	t.Helper()
	client := dialPatient(t, newRedis(t).Addr())
	for i := range 100 {
		if err := client.Set(t.Context(), fmt.Sprint("k", i), fmt.Sprint("k", i), 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if hook != nil {
		client.AddHook(hook)
	}
	h := &headers{link: link{testHandle(t, client, "test", tuning{})}}
	t.Cleanup(h.stop)
	return h
}

func (h *headers) waitFor(t testing.TB, n int) {
	t.Helper()
	eventually(t, fmt.Sprint(n, " questions wait"), func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return len(h.waiting) == n
	})
}

func TestHeadersThatComeDuringARoundTripShareTheNext(t *testing.T) {
	t.Parallel()
	hook := newTurnstile()
	h := queue(t, hook)
	var callers sync.WaitGroup
	ask := func(i int) {
		callers.Go(func() {
			key := fmt.Sprint("k", i)
			if header, err := h.ask(t.Context(), key); err != nil || header != key {
				t.Errorf("asked for %s: %q, %v", key, header, err)
			}
		})
	}
	ask(0)
	<-hook.came // at once, alone
	for i := range 40 {
		ask(1 + i)
	}
	h.waitFor(t, 40)
	hook.pass <- struct{}{}
	<-hook.came
	for i := range 20 {
		ask(50 + i)
	}
	h.waitFor(t, 20) // what is under way does not take them any more
	hook.pass <- struct{}{}
	<-hook.came
	hook.pass <- struct{}{}
	callers.Wait()
	var sizes []int
	for _, request := range hook.take() {
		sizes = append(sizes, len(request))
	}
	if fmt.Sprint(sizes) != "[1 40 20]" {
		t.Errorf("requests of %v headers, want 1, 40, 20", sizes)
	}
	hook.shut.Store(false)
	if header, err := h.ask(t.Context(), "k7"); err != nil || header != "k7" {
		t.Errorf("afterwards: %q, %v", header, err)
	}
}

// TestACallerThatGivesUpHarmsNobody: its question is answered like the others, and Redis is not blamed.
func TestACallerThatGivesUpHarmsNobody(t *testing.T) {
	t.Parallel()
	hook := newTurnstile()
	h := queue(t, hook)
	ctx, cancel := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	ask := func(ctx context.Context, key string) {
		callers.Go(func() {
			if header, err := h.ask(ctx, key); err != nil || header != key {
				t.Errorf("asked for %s: %q, %v", key, header, err)
			}
		})
	}
	ask(ctx, "k0")
	<-hook.came
	ask(ctx, "k1")
	ask(t.Context(), "k2")
	h.waitFor(t, 2)
	cancel()
	hook.shut.Store(false)
	hook.pass <- struct{}{}
	callers.Wait()
	if n := h.link.Health.Failures(); n != 0 {
		t.Errorf("%d failures of Redis", n)
	}
	if _, err := h.ask(ctx, "k3"); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that gave up before it asked got %v", err)
	}
}

func TestTooManyHeadersDoNotWait(t *testing.T) {
	t.Parallel()
	hook := newTurnstile()
	h := queue(t, hook)
	h.busy = true
	for range maxHeaders {
		h.waiting = append(h.waiting, &question{key: "k0", done: make(chan struct{}, 1)})
	}
	answer := make(chan string, 1)
	go func() { header, _ := h.ask(t.Context(), "k1"); answer <- header }()
	<-hook.came // by itself
	hook.shut.Store(false)
	hook.pass <- struct{}{}
	if header := <-answer; header != "k1" {
		t.Errorf("got %q", header)
	}
	h.mu.Lock()
	waiting, busy := len(h.waiting), h.busy
	h.mu.Unlock()
	if waiting != maxHeaders || !busy {
		t.Errorf("%d wait, busy %t: it sent what is not its own", waiting, busy)
	}
	h.next()
	h.waitFor(t, 0)
}

func TestAbsentAndForeignKeysInABatch(t *testing.T) {
	t.Parallel()
	hook := newTurnstile()
	h := queue(t, hook)
	h.link.Client.HSet(t.Context(), "hash", "a", "b")
	var callers sync.WaitGroup
	callers.Go(func() { _, _ = h.ask(t.Context(), "k0") })
	<-hook.came
	for key, want := range map[string]string{"hash": "", "absent": "", "k1": "k1", "k2": "k2"} {
		callers.Go(func() {
			header, err := h.ask(t.Context(), key)
			if header != want || (err != nil) != (key == "hash") || err != nil && !hasForeignType(err) {
				t.Errorf("%s: %q, %v", key, header, err)
			}
		})
	}
	h.waitFor(t, 4)
	hook.shut.Store(false)
	hook.pass <- struct{}{}
	callers.Wait()
	if n := h.link.Health.Failures(); n != 0 {
		t.Errorf("%d failures of Redis", n)
	}
}

// A batch that Redis does not answer costs its callers one timeout, counts as one failure, and gives nobody an answer.
func TestABatchWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	server := newRedis(t)
	hook := newTurnstile()
	client := dial(t, server.Addr())
	client.AddHook(hook)
	h := &headers{link: link{testHandle(t, client, "test", tuning{Timeout: 100 * time.Millisecond})}}
	t.Cleanup(h.stop)
	var callers sync.WaitGroup
	callers.Go(func() { _, _ = h.ask(t.Context(), "k0") })
	<-hook.came
	for i := range 10 {
		callers.Go(func() {
			if header, err := h.ask(t.Context(), fmt.Sprint("k", i)); err == nil {
				t.Errorf("answer %q", header)
			}
		})
	}
	h.waitFor(t, 10)
	server.Pause()
	t.Cleanup(server.Resume)
	hook.shut.Store(false)
	hook.pass <- struct{}{}
	callers.Wait()
	if n := h.link.Health.Failures(); n != 1 && n != 2 {
		t.Errorf("%d failures of Redis", n)
	}
	if _, err := h.ask(t.Context(), "k1"); !errors.Is(err, redisconn.ErrUnhealthy) {
		t.Errorf("afterwards: %v", err)
	}
}

func TestHeadersAfterStop(t *testing.T) {
	t.Parallel()
	h := queue(t, nil)
	h.stop()
	var callers sync.WaitGroup
	for i := range 20 {
		callers.Go(func() {
			key := fmt.Sprint("k", i)
			if header, err := h.ask(t.Context(), key); err != nil || header != key {
				t.Errorf("%q, %v", header, err)
			}
		})
	}
	callers.Wait()
}

func TestHeadersUnderConcurrentUse(t *testing.T) {
	t.Parallel()
	h := queue(t, nil)
	var callers sync.WaitGroup
	for c := range 64 {
		callers.Go(func() {
			for i := range 300 {
				key := fmt.Sprint("k", (c+i)%100)
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				if i%7 == 0 {
					cancel()
				}
				if header, err := h.ask(ctx, key); err == nil && header != key || err != nil && i%7 != 0 {
					t.Errorf("asked for %s: %q, %v", key, header, err)
				}
				cancel()
			}
		})
	}
	callers.Wait()
}
