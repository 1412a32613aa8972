package strain_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/semaphore"

	"studychat/db/sqlstore/strain"
)

// queueOf is a queue for one place.
func queueOf(place *semaphore.Weighted) strain.Queue {
	return strain.Queue{
		Full: func() bool {
			free := place.TryAcquire(1)
			if free {
				place.Release(1)
			}
			return !free
		},
		Join: func(ctx context.Context) error {
			err := place.Acquire(ctx, 1)
			if err == nil {
				place.Release(1)
			}
			return err
		},
	}
}

// TestWatch: a long wait is reported while it lasts, for its queue alone, and forgotten only after a second without waits.
func TestWatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var state strain.State
		place := semaphore.NewWeighted(1)
		stop := state.Watch(t.Context(), queueOf(semaphore.NewWeighted(1)), queueOf(place))
		expect := func(reason string, want bool) {
			t.Helper()
			if synctest.Wait(); state.Any(1) != want || state.Any(0) || state.Any(0, 1) != want {
				t.Errorf("%s: %v %v", reason, state.Any(0), state.Any(1))
			}
		}
		after := func(d time.Duration) { <-time.After(d) }
		hold := func(d time.Duration) {
			_ = place.Acquire(t.Context(), 1)
			after(d)
			place.Release(1)
		}
		hold(900 * time.Millisecond)
		expect("a short wait", false)
		_ = place.Acquire(t.Context(), 1)
		after(1300 * time.Millisecond)
		expect("a long one that still lasts", true)
		after(time.Minute)
		expect("one without end", true)
		place.Release(1)
		for range 10 { // it is not calm: there are waits again and again
			expect("between two waits", true)
			hold(700 * time.Millisecond)
		}
		after(1400 * time.Millisecond)
		expect("a second without waits", false)
		_ = place.Acquire(t.Context(), 1)
		after(2 * time.Second)
		expect("again", true)
		stop()
		expect("nobody watches", false)
	})
}
