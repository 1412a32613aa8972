package auth_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"studychat/auth"
	"studychat/db"
)

// TestRememberedTokenExpires: a token that is used all the time ends when it says, and with the reason that clients act on.
func TestRememberedTokenExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, token := newHS256(t), hs256().claims(t, with("exp", time.Now().Add(time.Minute).Unix()))
		begin := time.Now()
		for time.Since(begin) < 90*time.Second {
			viewer, err := v.Verify(t.Context(), token)
			if err != nil || viewer.ID != "ann" || !viewer.Expires.After(time.Now()) {
				t.Fatalf("after %v: %+v, %v", time.Since(begin), viewer, err)
			}
			<-time.After(time.Second)
		}
		if _, err := v.Verify(t.Context(), token); err == nil || !strings.Contains(err.Error(), "expired") {
			t.Errorf("after its leeway: %v", err)
		}
	})
}

// TestRememberedTokenAndTheClock: the clock of the instances may be set, and a remembered token is judged by it each time.
func TestRememberedTokenAndTheClock(t *testing.T) {
	t.Parallel()
	var offset time.Duration
	now := func() time.Time { return time.Now().Add(offset) }
	v, err := auth.NewJWT(t.Context(), auth.JWTConfig{Secret: secret, Issuer: issuer, Audience: audience, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	dated := with("exp", time.Now().Add(time.Hour).Unix())
	dated["nbf"] = time.Now().Unix()
	token := hs256().claims(t, dated)
	for _, c := range []struct {
		offset time.Duration
		want   db.Code
	}{{0, accepted}, {-time.Minute, unauthenticated}, {0, accepted}, {2 * time.Hour, unauthenticated}, {10 * time.Minute, accepted}} {
		offset = c.offset
		viewer, err := v.Verify(t.Context(), token)
		if db.CodeOf(err) != c.want {
			t.Errorf("clock off by %v: %v", c.offset, err)
		}
		if end := viewer.Expires.Add(offset).Unix(); err == nil && end-dated["exp"].(int64) > 1 {
			t.Errorf("clock off by %v: a stream would end at %d, the token at %d", c.offset, end, dated["exp"])
		}
	}
}

// TestRememberedTokenEndsWithItsKey: a token in use is refused as soon as the keys without its own have been fetched.
func TestRememberedTokenEndsWithItsKey(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w world) {
		v := w.p.verifier(t)
		defer v.Stop()
		one, two := w.k1.good(t), w.k2.good(t)
		w.wants(v, "the first key", one, accepted, 0)
		w.wants(v, "the first key, remembered", one, accepted, 0)
		w.p.become(w.servingTwo)
		wait(61 * time.Second)
		w.wants(v, "before anybody fetched", one, accepted, 0)
		w.wants(v, "the second key", two, accepted, 0)
		w.wants(v, "the first key, withdrawn", one, unauthenticated, 0)
	})
}

// TestRememberedTokenInAnOutage: while the provider is down the last keys stay in use, for remembered tokens as for new ones.
func TestRememberedTokenInAnOutage(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w world) {
		v := w.p.verifier(t)
		defer v.Stop()
		one := w.k1.good(t)
		w.wants(v, "the first key", one, accepted, 0)
		w.p.become(nil)
		for range 10 {
			wait(5 * time.Minute)
			w.wants(v, "in the outage", one, accepted, 0)
		}
	})
}

// TestOnlyValidTokensAreRemembered: the same token is refused again and again, and a forged one beside a remembered one too.
func TestOnlyValidTokensAreRemembered(t *testing.T) {
	t.Parallel()
	v := newHS256(t)
	token := hs256().good(t)
	last := len(token) - 1
	forged := token[:last-10] + strings.Repeat("A", 11)
	for range 3 {
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{forged, token[:last], token + "A", token + "\n", "", strings.ToUpper(token)} {
			if _, err := v.Verify(t.Context(), bad); db.CodeOf(err) != unauthenticated {
				t.Errorf("%.20s…: %v", bad, err)
			}
		}
	}
	if n := v.Remembered(); n != 1 {
		t.Errorf("%d tokens are remembered", n)
	}
}

// TestRememberedTokenIsCheap: a request with a token that was seen before verifies no signature and decodes no JSON.
func TestRememberedTokenIsCheap(t *testing.T) { //nolint:paralleltest // it counts what the whole process allocates
	v, token := newHS256(t), hs256().good(t)
	n := testing.AllocsPerRun(100, func() {
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	})
	if n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkVerify(b *testing.B) {
	v, err := auth.NewJWT(b.Context(), auth.JWTConfig{Secret: secret, Issuer: issuer, Audience: audience})
	if err != nil {
		b.Fatal(err)
	}
	token := hs256().good(b)
	b.Run("remembered", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = v.Verify(b.Context(), token)
		}
	})
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			v.Forget()
			_, _ = v.Verify(b.Context(), token)
		}
	})
}
