package cache

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestBreaker(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		reason string
		every  time.Duration
		times  int
		open   bool
	}{
		{"four failures are not enough", 0, 4, false},
		{"five at once are", 0, 5, true},
		{"five within a second are", 249 * time.Millisecond, 5, true},
		{"five in more than a second are not", 251 * time.Millisecond, 5, false},
		{"slow failures never add up", 300 * time.Millisecond, 100, false},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := new(breaker)
				for range tc.times {
					b.failed(false)
					time.Sleep(tc.every) //nolint:forbidigo // the bubble's clock
				}
				if b.open.Load() != tc.open {
					t.Errorf("open is %t", b.open.Load())
				}
			})
		})
	}
}

func TestBreakerForgetsWhenClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := new(breaker)
		for range 5 {
			b.failed(true)
		}
		if !b.open.Load() || !b.slow.Load() {
			t.Fatal("five timeouts did not open it, or it forgot that they were slow")
		}
		b.close()
		for range 4 {
			b.failed(false)
		}
		if b.open.Load() {
			t.Error("failures from before it was closed count")
		}
		b.trip(true)
		b.trip(false)
		if !b.open.Load() || b.slow.Load() || b.timesOpened() != 2 {
			t.Errorf("open %t, slow %t, opened %d times", b.open.Load(), b.slow.Load(), b.timesOpened())
		}
	})
}
