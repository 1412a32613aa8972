package auth_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"studychat/auth"
	"studychat/db"
)

// inBubble runs a test in virtual time with a provider that publishes the key k1.
func inBubble(t *testing.T, test func(t *testing.T, w world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		first, published := newES256(t, "k1")
		second, publishedSecond := newES256(t, "k2")
		p, stop := startProvider(t, serving(published))
		defer stop()
		test(t, world{t, p, first, second, serving(published), serving(publishedSecond)})
	})
}

type world struct {
	t                      *testing.T
	p                      *provider
	k1, k2                 signer
	servingOne, servingTwo http.HandlerFunc
}

// wants verifies the token, and compares the result and the time that it took.
func (w world) wants(v *auth.JWT, reason, token string, want db.Code, within time.Duration) {
	w.t.Helper()
	begin := time.Now()
	_, err := v.Verify(w.t.Context(), token)
	if db.CodeOf(err) != want {
		w.t.Errorf("%s: %v, want %q", reason, err, want)
	}
	if err != nil && strings.Contains(err.Error(), "secret=of-the-url") {
		w.t.Errorf("%s: the error holds the address: %v", reason, err)
	}
	if took := time.Since(begin); took > within {
		w.t.Errorf("%s: took %v, want at most %v", reason, took, within)
	}
}

// spaced fails if two fetches began less than a minute apart.
func (w world) spaced() {
	w.t.Helper()
	times := w.p.times()
	for i := 1; i < len(times); i++ {
		if gap := times[i].Sub(times[i-1]); gap < time.Minute {
			w.t.Errorf("fetch %d began %v after the previous one", i+1, gap)
		}
	}
}

func wait(d time.Duration) { <-time.After(d) }

const (
	accepted        = db.Code("")
	unauthenticated = db.CodeUnauthenticated
	unavailable     = db.CodeUnavailable
)

func TestRotation(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w world) {
		v := w.p.verifier(t)
		defer v.Stop()
		one, two := w.k1.good(t), w.k2.good(t)
		w.wants(v, "the first key, while it is being fetched", one, accepted, 0)
		w.wants(v, "a key that is not published yet", two, unauthenticated, 0)
		w.p.become(w.servingTwo)
		wait(59 * time.Second)
		w.wants(v, "a new key, before the minute is over", two, unauthenticated, 0)
		wait(2 * time.Second)
		w.wants(v, "a new key, after the minute", two, accepted, 0)
		w.wants(v, "a key that was withdrawn", one, unauthenticated, 0)

		w.p.become(w.servingOne)
		wait(90 * time.Second)
		w.wants(v, "a key that rotated more than a minute after the last fetch: at once", one, accepted, 0)
		w.spaced()
	})
}

// TestWithdrawal checks that a withdrawn key expires within 5 minutes, even if no token requests it.
func TestWithdrawal(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w world) {
		v := w.p.verifier(t)
		defer v.Stop()
		w.wants(v, "published", w.k1.good(t), accepted, 0)
		w.p.become(w.servingTwo)
		wait(5*time.Minute + time.Second)
		w.wants(v, "withdrawn", w.k1.good(t), unauthenticated, 0)
		if n := len(w.p.times()); n != 2 {
			t.Errorf("fetched %d times", n)
		}
	})
}

// outages returns the answers of a faulty provider.
func outages(t *testing.T) map[string]http.HandlerFunc {
	t.Helper()
	_, weak := newRSA(t, "k1", 1024)
	_, enc := newES256(t, "k1")
	long := strings.Repeat("A", 80)
	redirect := http.RedirectHandler("http://evil.example/keys", http.StatusFound).ServeHTTP
	return map[string]http.HandlerFunc{
		"refuses connections":                nil,
		"500":                                saying(http.StatusInternalServerError, `{"keys":[]}`),
		"404":                                saying(http.StatusNotFound, "not found"),
		"204":                                func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"a redirect":                         redirect,
		"garbage":                            saying(http.StatusOK, "<html>maintenance</html>"),
		"a truncated body":                   saying(http.StatusOK, `{"keys":[{"kty":"EC",`),
		"nothing":                            saying(http.StatusOK, ""),
		"null":                               saying(http.StatusOK, "null"),
		"an object without keys":             saying(http.StatusOK, "{}"),
		"an empty set":                       saying(http.StatusOK, `{"keys":[]}`),
		"keys that are not a list":           saying(http.StatusOK, `{"keys":{}}`),
		"entries that are not keys":          saying(http.StatusOK, `{"keys":[null,1,"k1",[],{}]}`),
		"keys that must not verify anything": serving(weak, changed(enc, map[string]any{"use": "enc"})),
		"a coordinate of many bytes":         serving(changed(enc, map[string]any{"x": long, "y": long})),
		"a large body":                       saying(http.StatusOK, `{"pad":"`+strings.Repeat("a", 300<<10)+`"}`),
		"a body that never ends":             endless,
		"a hang":                             func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"a hang in the middle of a body":     hangsHalfway,
	}
}

func endless(w http.ResponseWriter, _ *http.Request) {
	_, _ = w.Write([]byte(`{"keys":[`))
	for line := []byte(strings.Repeat(" ", 4096)); ; {
		if _, err := w.Write(line); err != nil {
			return
		}
	}
}

func hangsHalfway(w http.ResponseWriter, r *http.Request) {
	_, _ = w.Write([]byte(`{"keys":[`))
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

// TestOutage makes the provider faulty for six hours. Known keys continue without waiting, a token with a new key gets
// UNAVAILABLE, and within a minute after the outage that token passes.
func TestOutage(t *testing.T) {
	t.Parallel()
	for reason, answer := range outages(t) {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, w world) {
				v := w.p.verifier(t)
				defer v.Stop()
				w.wants(v, "before", w.k1.good(t), accepted, 0)
				w.p.become(answer)
				wait(5*time.Minute + 15*time.Second) // now a fetch has failed
				for range 6 * 60 {
					w.wants(v, "a known key", w.k1.good(t), accepted, 0)
					w.wants(v, "a new key", w.k2.good(t), unavailable, 2*time.Second)
					wait(time.Minute + time.Second)
				}
				w.wants(v, "an expired token", w.k2.claims(t, with("exp", time.Now().Unix()-31)), unauthenticated, 0)
				w.wants(v, "garbage", "garbage", unauthenticated, 0)
				w.p.become(w.servingTwo)
				wait(time.Minute + 11*time.Second) // a fetch may be in flight
				w.wants(v, "after", w.k2.good(t), accepted, 0)
				w.spaced()
			})
		})
	}
}

// TestAnswersThatAreNotTaken serves a good set in responses that must not be accepted.
func TestAnswersThatAreNotTaken(t *testing.T) {
	t.Parallel()
	for reason, wrap := range map[string]func(good http.HandlerFunc) http.HandlerFunc{
		"redirected": func(good http.HandlerFunc) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/elsewhere" {
					good(w, r)
					return
				}
				http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
			}
		},
		"with another status": func(good http.HandlerFunc) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(http.StatusInternalServerError)
				good(w, r)
			}
		},
		"too large": func(good http.HandlerFunc) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				_, _ = w.Write([]byte(strings.Repeat(" ", 256<<10)))
				good(w, r)
			}
		},
		"too late": func(good http.HandlerFunc) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				wait(11 * time.Second)
				good(w, r)
			}
		},
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, w world) {
				w.p.become(wrap(w.servingOne))
				v := w.p.verifier(t)
				defer v.Stop()
				wait(15 * time.Second)
				w.wants(v, "a key of that set", w.k1.good(t), unavailable, 2*time.Second)
				w.p.become(w.servingOne)
				wait(time.Minute)
				w.wants(v, "the same set, in a good response", w.k1.good(t), accepted, 2*time.Second)
			})
		})
	}
}

func TestStartWhileDown(t *testing.T) {
	t.Parallel()
	for reason, answer := range outages(t) {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, w world) {
				w.p.become(answer)
				begin := time.Now()
				v := w.p.verifier(t)
				defer v.Stop()
				if took := time.Since(begin); took > 0 {
					t.Errorf("the start took %v", took)
				}
				w.wants(v, "a good token", w.k1.good(t), unavailable, 2*time.Second)
				w.wants(v, "garbage", "garbage", unauthenticated, 0)
				w.wants(v, "another issuer", w.k1.claims(t, with("iss", "x")), unauthenticated, 0)
				wait(5 * time.Minute)
				if n := len(w.p.times()); n < 5 || n > 6 {
					t.Errorf("fetched %d times in five minutes without a token", n)
				}
				w.wants(v, "a good token, later", w.k1.good(t), unavailable, 2*time.Second)
				w.p.become(w.servingOne)
				wait(time.Minute + 11*time.Second)
				w.wants(v, "when the provider is up", w.k1.good(t), accepted, 0)
				w.wants(v, "a key that is not published", w.k2.good(t), unauthenticated, 0)
				w.spaced()
			})
		})
	}
}

// TestKinds checks that every allowed algorithm works, and only with its own key.
func TestKinds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		signers, published := kinds(t)
		p, stop := startProvider(t, serving(published...))
		defer stop()
		v := p.verifier(t)
		defer v.Stop()
		for i, s := range signers {
			for j := range signers {
				kid := published[j]["kid"]
				_, err := v.Verify(t.Context(), s.token(t, payload(good()), map[string]any{"kid": kid}))
				same := published[i]["kid"] == kid
				if same != (err == nil) || !same && db.CodeOf(err) != unauthenticated {
					t.Errorf("%s under the name of %v: %v", s.method.Alg(), kid, err)
				}
			}
		}
		nameless := signers[0].token(t, payload(good()), map[string]any{"kid": nil})
		if _, err := v.Verify(t.Context(), nameless); err != nil {
			t.Errorf("without a name, and only one key fits: %v", err)
		}
	})
}

// TestNamelessAmongSeveral checks that a token without a key name is refused if several keys fit.
func TestNamelessAmongSeveral(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		one, published := newES256(t, "k1")
		_, other := newES256(t, "k2")
		p, stop := startProvider(t, serving(published, other))
		defer stop()
		v := p.verifier(t)
		defer v.Stop()
		if _, err := v.Verify(t.Context(), one.good(t)); err != nil {
			t.Errorf("with its name: %v", err)
		}
		if _, err := v.Verify(t.Context(), one.token(t, payload(good()), map[string]any{"kid": nil})); db.CodeOf(err) != unauthenticated {
			t.Errorf("without: %v", err)
		}
	})
}
