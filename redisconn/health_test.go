package redisconn

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

var errRefused = errors.New("connection refused")

// server is a Redis that answers err after delay, and counts. It is a hook, so that a bubble needs no socket.
type server struct {
	mu    sync.Mutex
	err   error
	delay time.Duration
	deaf  bool // to the end of contexts

	calls, probes, probing atomic.Int64
}

// is sets how the server answers from now on.
func (s *server) is(err error, delay time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.delay = err, delay
}

func (s *server) answer(ctx context.Context) error {
	s.mu.Lock()
	err, delay, end := s.err, s.delay, ctx.Done()
	if s.deaf {
		end = nil
	}
	s.mu.Unlock()
	select {
	case <-time.After(delay):
		return err
	case <-end:
		return ctx.Err()
	}
}

func (s *server) DialHook(next redis.DialHook) redis.DialHook { return next }

func (s *server) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, _ redis.Cmder) error { // PING is the one command here
		defer s.probing.Add(-1)
		if s.probing.Add(1) > 1 {
			return errors.New("two probes at a time")
		}
		s.probes.Add(1)
		return s.answer(ctx)
	}
}

func (s *server) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// ask makes a call.
func (s *server) ask(ctx context.Context, h *Health) error {
	return h.Do(ctx, func(ctx context.Context) error { s.calls.Add(1); return s.answer(ctx) })
}

// bubble runs a test in virtual time, with a Health whose lines are in log.
func bubble(t *testing.T, run func(t *testing.T, h *Health, s *server, log *bytes.Buffer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log, s := new(bytes.Buffer), new(server)
		client := redis.NewClient(&redis.Options{Addr: "memory", MaxRetries: -1,
			MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}})
		defer client.Close()
		client.AddHook(s)
		h := NewHealth(client, slog.New(slog.NewTextHandler(log, nil)))
		h.Start(t.Context())
		defer h.Stop() // in TestStop for the second time
		run(t, h, s, log)
	})
}

// pass lets virtual time go on.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func expect(t *testing.T, reason string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got %v, want %v", reason, got, want)
	}
}

func expectLines(t *testing.T, log *bytes.Buffer, want int) {
	t.Helper()
	if n := strings.Count(log.String(), "\n"); n != want {
		t.Errorf("%d lines, not %d:\n%s", n, want, log)
	}
}

func TestOutage(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, h *Health, s *server, log *bytes.Buffer) {
		expect(t, "healthy from the start", s.ask(t.Context(), h), nil)
		s.is(errRefused, 0)
		expect(t, "the first failure is told", s.ask(t.Context(), h), errRefused)
		synctest.Wait()
		if s.probes.Load() != 1 || !h.Down() {
			t.Errorf("%d probes after the first failure, down is %t", s.probes.Load(), h.Down())
		}
		for range 110 { // 1.1 s
			expect(t, "no call gets through", s.ask(t.Context(), h), ErrUnhealthy)
			pass(10 * time.Millisecond)
		}
		if n := s.probes.Load(); n < 3 || n > 4 {
			t.Errorf("%d probes in 1.1 s, not one at once and two or three after it", n)
		}
		s.is(nil, 0)
		pass(ProbeEvery)
		expect(t, "one answer is enough", s.ask(t.Context(), h), nil)
		expectLines(t, log, 2)
		if n := s.calls.Load(); n != 3 {
			t.Errorf("%d calls were made", n)
		}
	})
}

// TestHang: those who wait already wait 50 ms each, at the same time; nobody waits afterwards, in a whole minute.
func TestHang(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, h *Health, s *server, log *bytes.Buffer) {
		s.is(nil, time.Hour)
		begun := time.Now()
		var waiting sync.WaitGroup
		for range 10 {
			waiting.Go(func() { expect(t, "no answer", s.ask(t.Context(), h), context.DeadlineExceeded) })
		}
		waiting.Wait()
		if took := time.Since(begun); took != CallTimeout {
			t.Errorf("ten calls took %v", took)
		}
		for range 60_000 {
			from := time.Now()
			expect(t, "not asked", s.ask(t.Context(), h), ErrUnhealthy)
			if waited := time.Since(from); waited > 0 {
				t.Fatalf("a call waited %v", waited)
			}
			<-time.After(time.Millisecond)
		}
		if n := s.probes.Load(); n < 119 || n > 121 {
			t.Errorf("%d probes in a minute, not about 120", n)
		}
		expectLines(t, log, 1)
	})
}

// TestLateAnswer: a Redis that is well, and one answer that comes too late. It costs one round trip, and no line of the log.
func TestLateAnswer(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, h *Health, s *server, log *bytes.Buffer) {
		late := func() {
			t.Helper()
			s.is(nil, CallTimeout+time.Millisecond)
			expect(t, "it is late", s.ask(t.Context(), h), context.DeadlineExceeded)
			s.is(nil, time.Millisecond)
		}
		for range 20 { // four a second
			late()
			s.is(nil, time.Millisecond)
			expect(t, "while it is probed", s.ask(t.Context(), h), ErrUnhealthy)
			pass(2 * CallTimeout) // the probe may have begun while answers were late
			expect(t, "a round trip later", s.ask(t.Context(), h), nil)
			pass(250*time.Millisecond - CallTimeout)
		}
		expectLines(t, log, 0)
	})
}

// TestSuspicions: what PINGs do not show shows by the number of failures.
func TestSuspicions(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		reason string
		every  time.Duration
		times  int
		down   bool
	}{
		{"four are not enough", time.Millisecond, 4, false},
		{"five at once are", time.Millisecond, 5, true},
		{"five within a second are", 249 * time.Millisecond, 5, true},
		{"five in more than a second are not", 251 * time.Millisecond, 5, false},
		{"few a second never add up", 300 * time.Millisecond, 100, false},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, h *Health, _ *server, log *bytes.Buffer) {
				down := false
				for range tc.times {
					h.Report(time.Now(), errRefused)
					down = down || h.Down()
					pass(tc.every)
				}
				if down != tc.down {
					t.Errorf("down is %t", down)
				}
				pass(ProbeEvery)
				if !h.Usable() {
					t.Error("not healthy after an answered probe")
				}
				expectLines(t, log, map[bool]int{true: 2}[tc.down])
			})
		})
	}
}

// TestStragglers: calls that were under way when another failed fail after Redis has answered its probe. That is no news.
func TestStragglers(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, h *Health, s *server, log *bytes.Buffer) {
		hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() { expect(t, "no answer", h.Do(t.Context(), hang), context.DeadlineExceeded) })
			pass(time.Duration(i) * time.Millisecond)
		}
		all.Wait()
		synctest.Wait()
		if !h.Usable() || s.probes.Load() != 1 {
			t.Errorf("usable is %t after %d probes", h.Usable(), s.probes.Load())
		}
		expectLines(t, log, 0)
		s.is(nil, time.Hour)
		expect(t, "one that began afterwards", h.Do(t.Context(), hang), context.DeadlineExceeded)
		if h.Usable() {
			t.Error("a failure after the answer does not count")
		}
	})
}

// TestTry: who must not do without Redis is not stopped by anything, and what fails counts.
func TestTry(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, h *Health, s *server, _ *bytes.Buffer) {
		s.is(nil, time.Hour)
		for _, want := range []Level{Healthy, Suspect, Down} {
			if level, _ := h.Level(); level != want {
				t.Errorf("level %d, not %d", level, want)
			}
			expect(t, "asked all the same", h.Try(t.Context(), s.answer), context.DeadlineExceeded)
			if want == Suspect {
				pass(2 * CallTimeout)
			}
		}
		if _, slow := h.Level(); !slow || h.Failures() != 3 {
			t.Errorf("slow is %t, %d failures", slow, h.Failures())
		}
		h.Report(time.Now(), errRefused)
		if _, slow := h.Level(); slow {
			t.Error("the newest failure was a fast one")
		}
	})
}

// TestStop: whatever the probe is doing, Stop waits for no more than one that is deaf to its context; nothing is probed afterwards.
func TestStop(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason string
		failed bool // a call has, whose probe goes on
		deaf   bool
		waits  time.Duration
	}{
		{reason: "healthy"},
		{reason: "the probe is cut off", failed: true},
		{reason: "a deaf one is waited for", failed: true, deaf: true, waits: time.Minute},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, h *Health, s *server, log *bytes.Buffer) {
				if c.failed {
					s.is(nil, time.Minute)
					s.deaf = c.deaf
					h.Report(time.Now(), errRefused)
					synctest.Wait()
				}
				begun := time.Now()
				h.Stop()
				if took := time.Since(begun); took != c.waits {
					t.Errorf("stopped in %v, not %v", took, c.waits)
				}
				before := s.probes.Load()
				h.Report(time.Now(), errRefused)
				if pass(time.Hour); s.probes.Load() != before {
					t.Error("probed after Stop")
				}
				expectLines(t, log, 0)
			})
		})
	}
}

// late is a context whose deadline is over before its timer has fired. The connection's own timer may well have: it was given
// the same deadline.
type late struct{ context.Context }

func (late) Deadline() (time.Time, bool) { return time.Now(), true }

// TestCallerWhoGivesUp says nothing about Redis. The last cases show that the others could have.
func TestCallerWhoGivesUp(t *testing.T) {
	t.Parallel()
	within := func(d time.Duration) func(context.Context) (context.Context, context.CancelFunc) {
		return func(ctx context.Context) (context.Context, context.CancelFunc) { return context.WithTimeout(ctx, d) }
	}
	for _, c := range []struct {
		reason  string
		caller  func(context.Context) (context.Context, context.CancelFunc)
		counts  bool
		instead error // of waiting for an answer
	}{
		{"cancelled", func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return ctx, cancel
		}, false, nil},
		{"in less time than a call has", within(CallTimeout - time.Nanosecond), false, nil},
		{"seen by the connection first", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return late{ctx}, func() {}
		}, false, os.ErrDeadlineExceeded},
		{"not: the call has no more time", within(CallTimeout + time.Nanosecond), true, nil},
		{"not: the connection's own timer", within(time.Minute), true, os.ErrDeadlineExceeded},
		{"not: there is no end to its patience", context.WithCancel, true, nil},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, h *Health, s *server, _ *bytes.Buffer) {
				s.is(nil, time.Hour)
				if c.instead != nil {
					s.is(c.instead, 0)
				}
				ctx, cancel := c.caller(t.Context())
				defer cancel()
				if err := s.ask(ctx, h); err == nil || errors.Is(err, ErrUnhealthy) {
					t.Fatalf("got %v", err)
				}
				if h.Usable() == c.counts {
					t.Errorf("usable is %t", h.Usable())
				}
			})
		})
	}
}

// replyError is an error reply of Redis.
type replyError string

func (e replyError) Error() string { return string(e) }
func (replyError) RedisError()     {}

func TestWhatIsAFailure(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err           error
		failure, slow bool
	}{
		{nil, false, false},
		{redis.Nil, false, false},
		{replyError("WRONGTYPE Operation against a key holding the wrong kind of value"), false, false},
		{replyError("OOM command not allowed when used memory > 'maxmemory'."), false, false},
		{replyError("NOSCRIPT No matching script."), false, false},
		{replyError("LOADING Redis is loading the dataset in memory"), true, false},
		{replyError("READONLY You can't write against a read only replica."), false, false},
		{replyError("CLUSTERDOWN The cluster is down"), true, false},
		{errRefused, true, false},
		{context.DeadlineExceeded, true, true},
		{os.ErrDeadlineExceeded, true, true},
		{redis.ErrPoolTimeout, true, true},
	} {
		h := NewHealth(nil, slog.New(slog.DiscardHandler)) // not started: a probe would change the level again
		h.Report(time.Now(), c.err)
		if _, slow := h.Level(); h.Usable() == c.failure || slow != c.slow {
			t.Errorf("%v: usable is %t, slow is %t", c.err, h.Usable(), slow)
		}
	}
}

func TestChangedTellsOfOutagesAlone(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, h *Health, s *server, _ *bytes.Buffer) {
		expectChange := func(reason string, changed <-chan struct{}, want bool) {
			t.Helper()
			synctest.Wait()
			select {
			case <-changed:
				if !want {
					t.Error("a change: " + reason)
				}
			default:
				if want {
					t.Error("no change: " + reason)
				}
			}
		}
		changed := h.Changed()
		h.Report(time.Now(), errRefused)
		expectChange("a late answer", changed, false)
		s.is(errRefused, 0)
		h.Report(time.Now(), errRefused)
		expectChange("it is down", changed, true)
		changed = h.Changed()
		expectChange("it is still down", changed, false)
		s.is(nil, 0)
		pass(ProbeEvery)
		expectChange("it is back", changed, true)
	})
}

func TestParts(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, h *Health, s *server, _ *bytes.Buffer) {
		var bus atomic.Bool
		if !h.OK() {
			t.Error("not ok, though nothing has failed")
		}
		h.AddPart(func() string {
			if bus.Load() {
				return ""
			}
			return "bus: out of memory"
		})
		if h.OK() {
			t.Error("ok, though a part is not well")
		}
		if h.Trouble() != "bus: out of memory" || h.State() != "degraded" {
			t.Errorf("trouble %q, state %s", h.Trouble(), h.State())
		}
		bus.Store(true)
		if !h.OK() {
			t.Error("not ok, though all parts are well")
		}
		s.is(errRefused, 0)
		h.Report(time.Now(), errRefused)
		if synctest.Wait(); h.OK() {
			t.Error("ok, though Redis is down")
		}
		if h.Trouble() != "connection: connection lost" || h.State() != "down" {
			t.Errorf("trouble %q, state %s", h.Trouble(), h.State())
		}
	})
}

// TestManyCallers: an outage of ten seconds under many concurrent callers, for the race detector. They start together every
// 100 ms: with a ticker for each of them, the race detector itself crashes in virtual time (Go 1.26).
func TestManyCallers(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, h *Health, s *server, log *bytes.Buffer) {
		callFor := func(d time.Duration) {
			for range d / (100 * time.Millisecond) {
				var callers sync.WaitGroup
				for range 200 {
					callers.Go(func() { _ = s.ask(t.Context(), h) })
				}
				callers.Wait()
				pass(100 * time.Millisecond)
			}
		}
		callFor(time.Second)
		s.is(errRefused, 0)
		callFor(10 * time.Second)
		s.is(nil, 0)
		callFor(time.Second)
		expect(t, "back", s.ask(t.Context(), h), nil)
		if n := s.probes.Load(); n < 20 || n > 22 {
			t.Errorf("%d probes in ten seconds", n)
		}
		expectLines(t, log, 2)
	})
}
