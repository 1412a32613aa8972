package auth_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"studychat/auth/jwks"
	"studychat/db"
)

// TestStorm: tokens with keys that nobody knows come by the thousand, for ten minutes.
func TestStorm(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w world) {
		v := w.p.verifier(t)
		defer v.Stop()
		token, unknown, elsewhere := w.k1.good(t), w.k2.good(t), w.k2.claims(t, with("iss", "https://evil.example"))
		w.wants(v, "before", token, accepted, 0)
		var storm sync.WaitGroup
		for range 50 {
			storm.Go(func() {
				for range 600 {
					w.wants(v, "unknown", unknown, unauthenticated, 0)
					wait(time.Second)
				}
			})
		}
		for range 600 {
			w.wants(v, "a good token in the storm", token, accepted, 0)
			wait(time.Second)
		}
		storm.Wait()
		if n := len(w.p.times()); n < 9 || n > 11 {
			t.Errorf("fetched %d times in ten minutes", n)
		}
		w.spaced()

		// The control: that many fetches are for want of a key alone.
		before := len(w.p.times())
		wait(time.Minute)
		for range 100 {
			w.wants(v, "not for us", elsewhere, unauthenticated, 0)
			wait(time.Second)
		}
		if n := len(w.p.times()) - before; n > 1 { // the one that the storm had asked for
			t.Errorf("tokens of another issuer made us fetch %d times", n)
		}
	})
}

// TestWaitingIsBounded: of many calls with an unknown key while the provider hangs, some wait, for two seconds, and the
// others are told at once to come again.
func TestWaitingIsBounded(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w world) {
		w.p.become(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		v := w.p.verifier(t)
		defer v.Stop()
		synctest.Wait()
		begin := time.Now()
		token := w.k1.good(t)
		var mu sync.Mutex
		took := map[time.Duration]int{}
		var calls sync.WaitGroup
		for range 3 * jwks.MaxWaiting {
			calls.Go(func() {
				w.wants(v, "many", token, unavailable, 2*time.Second)
				mu.Lock()
				defer mu.Unlock()
				took[time.Since(begin)]++
			})
		}
		calls.Wait()
		if took[2*time.Second] != jwks.MaxWaiting || took[0] != 2*jwks.MaxWaiting {
			t.Errorf("calls by how long they took: %v", took)
		}

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := v.Verify(ctx, token); db.CodeOf(err) != unavailable || time.Since(begin) != 2*time.Second {
			t.Errorf("a call that is given up: %v", err)
		}
	})
}

// TestStop: the bubble itself fails the test if a goroutine stays behind.
func TestStop(t *testing.T) {
	t.Parallel()
	for reason, stage := range map[string]struct {
		after  time.Duration
		answer http.HandlerFunc
	}{
		"while a fetch hangs":     {time.Second, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		"while it rests":          {time.Second, nil},
		"between two fetches":     {3 * time.Minute, saying(http.StatusOK, "")},
		"before the first answer": {0, endless},
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, w world) {
				w.p.become(stage.answer)
				v := w.p.verifier(t)
				wait(stage.after)
				begin := time.Now()
				v.Stop()
				v.Stop()
				if took := time.Since(begin); took > 0 {
					t.Errorf("took %v", took)
				}
				w.wants(v, "after", w.k1.good(t), unavailable, 0)
			})
		})
	}
}

// TestStopBetweenGoodFetches: what is known stays known; what is not is not waited for.
func TestStopBetweenGoodFetches(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w world) {
		v := w.p.verifier(t)
		wait(2 * time.Minute)
		v.Stop()
		w.wants(v, "known", w.k1.good(t), accepted, 0)
		w.wants(v, "unknown", w.k2.good(t), unavailable, 0)
	})
}
