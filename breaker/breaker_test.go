package breaker

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

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errDown = errors.New("down")

// server is a Redis that answers err after delay, and counts.
type server struct {
	err    error
	delay  time.Duration
	deaf   bool // to the end of contexts
	calls  atomic.Int64
	probes map[string]int // by key; only one runs at a time, or the race detector says so
}

func (s *server) answer(ctx context.Context) error {
	end := ctx.Done()
	if s.deaf {
		end = nil
	}
	select {
	case <-time.After(s.delay):
		return s.err
	case <-end:
		return ctx.Err()
	}
}

// ask makes a call about a key.
func (s *server) ask(ctx context.Context, b *Breaker, key string) error {
	return b.Do(ctx,
		func(ctx context.Context) error { s.calls.Add(1); return s.answer(ctx) },
		func(ctx context.Context) error { s.probes[key]++; return s.answer(ctx) })
}

// bubble runs a test in virtual time, with a breaker whose lines are in log.
func bubble(t *testing.T, run func(t *testing.T, b *Breaker, s *server, log *bytes.Buffer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log := new(bytes.Buffer)
		b := New("tests", slog.New(slog.NewTextHandler(log, nil)))
		defer b.Stop() // in TestStop for the second time
		run(t, b, &server{probes: make(map[string]int)}, log)
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

func TestOutage(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *Breaker, s *server, log *bytes.Buffer) {
		expect(t, "closed from the start", s.ask(t.Context(), b, "first"), nil)
		s.err = errDown
		expect(t, "the first failure is told", s.ask(t.Context(), b, "first"), errDown)
		for range 10 {
			expect(t, "one is enough", s.ask(t.Context(), b, "second"), ErrOpen)
			if synctest.Wait(); s.probes["first"] != 1 {
				t.Fatalf("%d probes before half a second was over", s.probes["first"])
			}
			pass(ProbeEvery / 10)
		}
		s.delay = 20 * time.Millisecond
		for range 110 { // 1.1 s: from the end of one probe to the next are 500 ms
			expect(t, "no call gets through", s.ask(t.Context(), b, "second"), ErrOpen)
			pass(10 * time.Millisecond)
		}
		if s.probes["first"] != 4 || len(s.probes) != 1 {
			t.Errorf("in 1.6 s the probes were %v, not four of the call that failed", s.probes)
		}
		s.err, s.delay = nil, 0
		pass(ProbeEvery)
		expect(t, "the call that has Redis probed does not wait for it", s.ask(t.Context(), b, "second"), ErrOpen)
		synctest.Wait()
		expect(t, "one answer is enough", s.ask(t.Context(), b, "second"), nil)
		if n := strings.Count(log.String(), "\n"); n != 2 || strings.Count(log.String(), "for=tests") != 2 {
			t.Errorf("%d lines for one outage:\n%s", n, log)
		}
		if n := s.calls.Load(); n != 3 {
			t.Errorf("%d calls were made", n)
		}

		s.err = errDown
		expect(t, "the next outage", s.ask(t.Context(), b, "second"), errDown)
		pass(ProbeEvery)
		expect(t, "it is open again", s.ask(t.Context(), b, "first"), ErrOpen)
		if synctest.Wait(); s.probes["second"] != 1 {
			t.Errorf("the probes are %v: not of what failed this time", s.probes)
		}
	})
}

// TestHang: those who are waiting already wait 50 ms each, at the same time; nobody waits afterwards, in a whole minute.
func TestHang(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *Breaker, s *server, log *bytes.Buffer) {
		s.delay = time.Hour
		begun := time.Now()
		var waiting sync.WaitGroup
		for range 10 {
			waiting.Go(func() { expect(t, "no answer", s.ask(t.Context(), b, "a"), context.DeadlineExceeded) })
		}
		waiting.Wait()
		if took := time.Since(begun); took != Timeout {
			t.Errorf("ten calls took %v", took)
		}
		begun = time.Now()
		for range 60_000 {
			from := time.Now()
			expect(t, "not asked", s.ask(t.Context(), b, "a"), ErrOpen)
			if waited := time.Since(from); waited > 0 {
				t.Fatalf("a call waited %v", waited)
			}
			<-time.After(time.Millisecond)
		}
		synctest.Wait()
		// One at once; 500 ms and the 50 that each probe waits make one in 550, from a call on a full millisecond to the next.
		if most := 1 + int(time.Since(begun)/(ProbeEvery+Timeout)); s.probes["a"] < most-2 || s.probes["a"] > most {
			t.Errorf("%d probes in a minute, not about %d", s.probes["a"], most)
		}
		if n := strings.Count(log.String(), "\n"); n != 1 {
			t.Errorf("%d lines for one outage:\n%s", n, log)
		}
	})
}

// TestLateAnswer: a Redis that is well, and one answer that comes too late. It costs one round trip, and no line.
func TestLateAnswer(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *Breaker, s *server, log *bytes.Buffer) {
		late := func() {
			t.Helper()
			s.delay = Timeout + time.Millisecond
			called := time.Now()
			err := b.Do(t.Context(), s.answer, func(context.Context) error {
				s.probes["a"]++
				<-time.After(time.Millisecond)
				return nil
			})
			if took := time.Since(called); took != Timeout {
				t.Errorf("waited %v", took)
			}
			expect(t, "it was late", err, context.DeadlineExceeded)
			s.delay = 0
		}
		for range 3 {
			late()
			expect(t, "while it is probed", s.ask(t.Context(), b, "b"), ErrOpen)
			pass(time.Millisecond)
			expect(t, "a round trip later", s.ask(t.Context(), b, "b"), nil)
			pass(ProbeEvery - Timeout)
		}
		if s.probes["a"] != 3 || log.Len() > 0 {
			t.Errorf("%d probes, and in the log:\n%s", s.probes["a"], log)
		}
		// Once more within 500 ms of a probe: then nobody is to wait again before these are over.
		pass(ProbeEvery)
		late()
		pass(time.Millisecond)
		late()
		for range int((ProbeEvery - Timeout) / time.Millisecond) {
			expect(t, "late twice", s.ask(t.Context(), b, "b"), ErrOpen)
			pass(time.Millisecond)
		}
		expect(t, "is probed for this call", s.ask(t.Context(), b, "b"), ErrOpen)
		pass(time.Millisecond)
		expect(t, "and answers", s.ask(t.Context(), b, "b"), nil)
		if n := strings.Count(log.String(), "\n"); n != 2 {
			t.Errorf("%d lines for one outage:\n%s", n, log)
		}
	})
}

// TestStragglers: calls that were under way when another failed fail after Redis has answered its probe. That is no news.
func TestStragglers(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *Breaker, s *server, log *bytes.Buffer) {
		s.delay = time.Hour
		well := func(context.Context) error { return nil }
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() { expect(t, "no answer", b.Do(t.Context(), s.answer, well), context.DeadlineExceeded) })
			pass(time.Duration(i) * time.Millisecond)
		}
		all.Wait()
		synctest.Wait()
		if b.isOpen() || log.Len() > 0 {
			t.Errorf("open is %t, in the log: %s", b.isOpen(), log)
		}
		expect(t, "one that began afterwards", b.Do(t.Context(), s.answer, well), context.DeadlineExceeded)
		if !b.isOpen() {
			t.Error("a failure after the answer counts")
		}
	})
}

// TestStillWithoutCalls: nobody asks, nobody probes; the first calls after a long time cause one probe.
func TestStillWithoutCalls(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *Breaker, s *server, _ *bytes.Buffer) {
		s.err = errDown
		expect(t, "the failure", s.ask(t.Context(), b, "a"), errDown)
		synctest.Wait()
		s.err, s.delay = nil, 10*time.Millisecond
		if pass(time.Hour); s.probes["a"] != 1 {
			t.Errorf("%d probes: for nobody, but for the one at once", s.probes["a"])
		}
		for range 100 {
			expect(t, "not asked yet", s.ask(t.Context(), b, "a"), ErrOpen)
		}
		if pass(s.delay); s.probes["a"] != 2 {
			t.Errorf("%d probes for a hundred calls at once", s.probes["a"]-1)
		}
		expect(t, "Redis has answered", s.ask(t.Context(), b, "a"), nil)
	})
}

// TestStop: wherever it is with its probes, Stop waits for no more than a deaf one, and Redis is left alone afterwards.
func TestStop(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason string
		failed bool          // a call has
		hangs  bool          // Redis, when it failed and in the probe at once
		idle   time.Duration // before the call after that
		deaf   bool          // Redis, to the end of contexts
		waits  time.Duration
		probes int
	}{
		{reason: "a closed breaker opens for good"},
		{reason: "an open one never probes again", failed: true, probes: 1},
		{reason: "the probe at once is cut off", failed: true, hangs: true, probes: 1},
		{reason: "a later one is cut off", failed: true, idle: ProbeEvery, probes: 2},
		{reason: "a deaf one is waited for, and its answer counts for nothing", failed: true, idle: ProbeEvery, deaf: true,
			waits: time.Minute, probes: 2},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, b *Breaker, s *server, _ *bytes.Buffer) {
				if c.hangs {
					s.delay = time.Minute
					expect(t, "the failure", s.ask(t.Context(), b, "a"), context.DeadlineExceeded)
					synctest.Wait()
				} else if c.failed {
					s.err = errDown
					expect(t, "the failure", s.ask(t.Context(), b, "a"), errDown)
					synctest.Wait()
					s.err, s.delay, s.deaf = nil, time.Minute, c.deaf
					pass(c.idle)
					expect(t, "open", s.ask(t.Context(), b, "a"), ErrOpen)
					synctest.Wait()
				}
				begun := time.Now()
				b.Stop()
				if took := time.Since(begun); took != c.waits {
					t.Errorf("stopped in %v, not %v", took, c.waits)
				}
				for range 3 {
					pass(ProbeEvery)
					expect(t, "stopped", s.ask(t.Context(), b, "a"), ErrOpen)
				}
				if synctest.Wait(); s.probes["a"] != c.probes {
					t.Errorf("%d probes", s.probes["a"])
				}
			})
		})
	}
}

// late is a context whose deadline is over before its timer has fired. The connection's own timer may well have: it was
// given the same deadline.
type late struct{ context.Context }

func (late) Deadline() (time.Time, bool) { return time.Now(), true }

// TestCallerWhoGivesUp says nothing about Redis. The last cases show that the others could have opened the breaker.
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
		{"in less time than a call has", within(Timeout - time.Nanosecond), false, nil},
		{"seen by the connection first", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return late{ctx}, func() {}
		}, false, os.ErrDeadlineExceeded},
		{"not: the call has no more time", within(Timeout + time.Nanosecond), true, nil},
		{"not: the connection's own timer", within(time.Minute), true, os.ErrDeadlineExceeded},
		{"not: there is no end to its patience", context.WithCancel, true, nil},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, b *Breaker, s *server, _ *bytes.Buffer) {
				s.delay = time.Hour
				if c.instead != nil {
					s.err, s.delay = c.instead, 0
				}
				ctx, cancel := c.caller(t.Context())
				defer cancel()
				if err := s.ask(ctx, b, "a"); err == nil || errors.Is(err, ErrOpen) {
					t.Fatalf("got %v", err)
				}
				if open := b.isOpen(); open != c.counts {
					t.Errorf("open is %t", open)
				}
			})
		})
	}
}

// TestManyCallers: an outage of ten seconds under a thousand callers, for the race detector. One probe at a time.
func TestManyCallers(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *Breaker, s *server, log *bytes.Buffer) {
		var down atomic.Bool
		var probing, probes atomic.Int64
		answer := func(context.Context) error {
			if down.Load() {
				return errDown
			}
			return nil
		}
		probe := func(ctx context.Context) error {
			if probing.Add(1) > 1 {
				t.Error("two probes at a time")
			}
			defer probing.Add(-1)
			probes.Add(1)
			<-time.After(Timeout)
			return answer(ctx)
		}
		done := make(chan struct{})
		var callers sync.WaitGroup
		for i := range 1000 {
			callers.Go(func() {
				every := time.NewTicker(time.Duration(90+i%20) * time.Millisecond)
				defer every.Stop()
				for {
					select {
					case <-done:
						return
					case <-every.C:
						_ = b.Do(t.Context(), answer, probe)
					}
				}
			})
		}
		pass(time.Second)
		down.Store(true)
		pass(10 * time.Second)
		down.Store(false)
		pass(time.Second)
		close(done)
		callers.Wait()
		expect(t, "back", s.ask(t.Context(), b, "a"), nil)
		if n := probes.Load(); n < 17 || n > 20 { // each 550 ms and up to 1 ms more
			t.Errorf("%d probes in ten seconds", n)
		}
		if n := strings.Count(log.String(), "\n"); n != 2 {
			t.Errorf("%d lines for one outage:\n%s", n, log)
		}
	})
}
