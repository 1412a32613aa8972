package rate

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var errDown = errors.New("down")

// asked is a Redis that a breaker asks: it notes each question and answers with err, after delay.
type asked struct {
	questions []question
	err       error
	delay     time.Duration
}

func (a *asked) ask(ctx context.Context, q question) (time.Duration, error) {
	a.questions = append(a.questions, q)
	select {
	case <-time.After(a.delay):
		return 0, a.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func TestBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := new(bytes.Buffer)
		a := &asked{err: errDown, delay: 50 * time.Millisecond}
		b := newBreaker(a.ask, slog.New(slog.NewTextHandler(log, nil)))
		defer b.stop()
		if b.isOpen() {
			t.Fatal("open from the start")
		}
		b.failed(question{"first", time.Second, 5 * time.Second}, errDown)
		b.failed(question{"second", time.Second, 6 * time.Second}, errDown)
		for range 10 { // half a second
			if synctest.Wait(); !b.isOpen() || len(a.questions) > 0 {
				t.Fatalf("open is %t, asked %d times", b.isOpen(), len(a.questions))
			}
			sleep(probeEvery / 10)
		}
		// From now on a probe each half second, counted from the end of the last.
		for range 110 {
			b.isOpen()
			sleep(10 * time.Millisecond)
		}
		if len(a.questions) != 2 {
			t.Errorf("asked %d times in 1.1 s", len(a.questions))
		}
		if q := (question{"first", 0, 5 * time.Second}); a.questions[0] != q {
			t.Errorf("asked %+v, not for nothing from the bucket that failed", a.questions[0])
		}
		a.err = nil
		sleep(probeEvery)
		b.isOpen()
		sleep(a.delay)
		if synctest.Wait(); b.isOpen() {
			t.Error("still open although Redis has answered")
		}
		if n := strings.Count(log.String(), "\n"); n != 2 {
			t.Errorf("%d lines for one outage:\n%s", n, log)
		}
	})
}

// TestBreakerWithoutCallsIsStill: nobody asks, nobody probes; the first call after a long time does, and does not wait.
func TestBreakerWithoutCallsIsStill(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &asked{delay: 50 * time.Millisecond}
		b := newBreaker(a.ask, slog.New(slog.DiscardHandler))
		defer b.stop()
		b.failed(question{}, errDown)
		sleep(time.Hour)
		if synctest.Wait(); len(a.questions) > 0 {
			t.Error("probed for nobody")
		}
		begun := time.Now()
		for range 100 {
			if !b.isOpen() {
				t.Fatal("closed before Redis was asked")
			}
		}
		synctest.Wait()
		if waited := time.Since(begun); waited > 0 || len(a.questions) != 1 {
			t.Errorf("calls waited %v, %d probes", waited, len(a.questions))
		}
	})
}

func TestBreakerStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &asked{delay: time.Hour}
		b := newBreaker(a.ask, slog.New(slog.DiscardHandler))
		b.failed(question{}, errDown)
		sleep(probeEvery)
		b.isOpen()
		synctest.Wait()
		begun := time.Now()
		b.stop() // the probe that is running
		b.stop()
		sleep(time.Minute)
		if !b.isOpen() || len(a.questions) != 1 || time.Since(begun) != time.Minute {
			t.Errorf("open is %t, %d probes, stopped in %v", b.isOpen(), len(a.questions), time.Since(begun)-time.Minute)
		}
	})
}
