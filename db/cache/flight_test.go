package cache

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/singleflight"
)

// sharing is a way of sharing loads, for the check that it never hands out something older than the call.
type sharing func(ctx context.Context, load func(context.Context) (int64, error)) (int64, error)

// sharesOld says whether a caller can get a value that was read before it came. The load takes a second after its
// snapshot; in that second a write happens, and after it a reader comes.
func sharesOld(t *testing.T, do sharing) bool {
	t.Helper()
	var stored atomic.Int64
	load := func(context.Context) (int64, error) {
		snapshot := stored.Load()
		time.Sleep(time.Second) //nolint:forbidigo // the bubble's clock
		return snapshot, nil
	}
	old := false
	synctest.Test(t, func(t *testing.T) {
		go do(t.Context(), load) //nolint:errcheck // only there to be joined
		synctest.Wait()
		stored.Store(1)
		got, err := do(t.Context(), load)
		old = err != nil || got != 1
		time.Sleep(time.Minute) //nolint:forbidigo // the bubble's clock: let the first one end
	})
	return old
}

func TestFlightNeverSharesAnOlderLoad(t *testing.T) {
	t.Parallel()
	f := newFlight[int64](time.Minute)
	if sharesOld(t, func(ctx context.Context, load func(context.Context) (int64, error)) (int64, error) {
		v, _, err := f.do(ctx, "k", load)
		return v, err
	}) {
		t.Error("a reader got what was read before it came, and misses a write that was answered")
	}
}

func TestControlPlainSingleflightIsCaught(t *testing.T) {
	t.Parallel()
	var g singleflight.Group
	if !sharesOld(t, func(ctx context.Context, load func(context.Context) (int64, error)) (int64, error) {
		v, err, _ := g.Do("k", func() (any, error) { return load(ctx) })
		return v.(int64), err
	}) {
		t.Error("the check is blind: the usual single-flight passes it")
	}
}

func TestFlightSharesTheNextRound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFlight[int64](time.Minute)
		var loads atomic.Int64
		load := func(context.Context) (int64, error) {
			n := loads.Add(1)
			time.Sleep(time.Second) //nolint:forbidigo // the bubble's clock
			return n, nil
		}
		results := make(chan int64, 101)
		var owners atomic.Int64
		call := func() {
			n, own, err := f.do(t.Context(), "k", load)
			if err != nil {
				t.Error(err)
			}
			if own {
				owners.Add(1)
			}
			results <- n
		}
		go call()
		synctest.Wait()
		for range 100 {
			go call()
		}
		begin := time.Now()
		counts := map[int64]int{}
		for range 101 {
			counts[<-results]++
		}
		if counts[1] != 1 || counts[2] != 100 || owners.Load() != 2 {
			t.Errorf("who got which load: %v, with %d owners", counts, owners.Load())
		}
		if waited := time.Since(begin); waited != 2*time.Second {
			t.Errorf("waited %v, two loads are 2s", waited)
		}
		f.stop()
		if len(f.running) != 0 {
			t.Error("rounds are left over")
		}
	})
}

func TestFlightCancelledCallerDoesNotCancelOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFlight[int64](time.Minute)
		cancelled, cancel := context.WithCancel(t.Context())
		load := func(ctx context.Context) (int64, error) {
			select {
			case <-time.After(time.Second):
				return 7, nil
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}
		for range 2 { // the first owns the running round, the second the next one
			go func() {
				if _, _, err := f.do(cancelled, "k", load); !errors.Is(err, context.Canceled) {
					t.Errorf("the cancelled caller got %v", err)
				}
			}()
			synctest.Wait()
		}
		done := make(chan error, 1)
		go func() {
			n, own, err := f.do(t.Context(), "k", load)
			if n != 7 || own {
				err = errors.Join(err, errors.New("not the shared load"))
			}
			done <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		f.stop()
	})
}

func TestFlightEndsALoadThatNobodyWaitsFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFlight[int64](time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin, loads := time.Now(), 0
		load := func(ctx context.Context) (int64, error) {
			loads++
			<-ctx.Done()
			return 0, ctx.Err()
		}
		go f.do(ctx, "k", load) //nolint:errcheck // cancelled
		synctest.Wait()
		sooner, cancelSooner := context.WithTimeout(t.Context(), time.Second/2)
		defer cancelSooner()
		if _, _, err := f.do(sooner, "k", load); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		<-ctx.Done()
		f.stop()
		if time.Since(begin) != time.Second || loads != 1 {
			t.Errorf("%d loads ended after %v; nobody waits after 1s, and the second round has nobody", loads, time.Since(begin))
		}
	})
}

func TestFlightBoundsALoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFlight[int64](3 * time.Second)
		begin := time.Now()
		_, _, err := f.do(t.Context(), "k", func(ctx context.Context) (int64, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		f.stop()
	})
}

func TestFlightSurvivesAPanic(t *testing.T) {
	t.Parallel()
	f := newFlight[int64](time.Minute)
	_, _, err := f.do(t.Context(), "k", func(context.Context) (int64, error) { panic("oops") })
	if err == nil || !strings.Contains(err.Error(), "oops") {
		t.Errorf("got %v", err)
	}
	n, _, err := f.do(t.Context(), "k", func(context.Context) (int64, error) { return 5, nil })
	if n != 5 || err != nil {
		t.Errorf("the next load: %d, %v", n, err)
	}
	f.stop()
	if n, own, err := f.do(t.Context(), "k", func(context.Context) (int64, error) { return 6, nil }); n != 6 || !own || err != nil {
		t.Errorf("after stop callers load for themselves: %d, %t, %v", n, own, err)
	}
}
