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

// TestStorm sends thousands of tokens with unknown keys for ten minutes.
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

		// The control: only a missing key causes fetches.
		before := len(w.p.times())
		wait(time.Minute)
		for range 100 {
			w.wants(v, "another issuer's token", elsewhere, unauthenticated, 0)
			wait(time.Second)
		}
		if n := len(w.p.times()) - before; n > 1 { // the storm had requested this one
			t.Errorf("tokens of another issuer caused %d fetches", n)
		}
	})
}

// TestWaitingIsBounded makes many calls with an unknown key while the provider hangs. Some wait for two seconds; the
// others are refused at once and may retry.
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
			t.Errorf("an abandoned call: %v", err)
		}
	})
}

// TestStop checks that no goroutine remains: the bubble itself would fail the test.
func TestStop(t *testing.T) {
	t.Parallel()
	for reason, stage := range map[string]struct {
		after  time.Duration
		answer http.HandlerFunc
	}{
		"while a fetch hangs":     {time.Second, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		"while it waits":          {time.Second, nil},
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

// TestStopBetweenGoodFetches checks that known keys stay valid and that unknown ones are not waited for.
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
