package cache

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// script runs a script on the key "k".
func script(t *testing.T, client *redis.Client, s *redis.Script, args ...any) any {
	t.Helper()
	reply, err := s.Run(t.Context(), client, []string{"k"}, args...).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		t.Fatal(err)
	}
	return reply
}

// stored returns what the key holds, "" if it is absent.
func stored(t *testing.T, client *redis.Client, key string) string {
	t.Helper()
	raw, err := client.Get(t.Context(), key).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		t.Fatal(err)
	}
	return raw
}

// tokensOf returns the tokens of a mark.
func tokensOf(t *testing.T, raw string) string {
	t.Helper()
	if !strings.HasPrefix(raw, "d") {
		return "no mark: " + raw
	}
	var tokens []string
	for entry := range strings.SplitSeq(raw[1:], ",") {
		token, _, _ := strings.Cut(entry, ":")
		tokens = append(tokens, token)
	}
	return strings.Join(tokens, " ")
}

func TestMarkAndFinish(t *testing.T) {
	t.Parallel()
	client := dialPatient(t, newRedis(t).Addr())
	const ttl = 10_000
	step := func(want string) {
		t.Helper()
		if got := stored(t, client, "k"); got != want && tokensOf(t, got) != want {
			t.Fatalf("the key holds %q, want %q", got, want)
		}
	}
	client.Set(t.Context(), "k", "b1|{}", 0)
	script(t, client, markScript, "a", ttl, 64)
	step("a")
	script(t, client, markScript, "b", ttl, 64)
	step("a b")
	script(t, client, markScript, "a", ttl, 64) // a retry after a timeout
	step("b a")
	script(t, client, finishScript, "a")
	step("b")
	script(t, client, finishScript, "a") // late or repeated
	step("b")
	if left := client.PTTL(t.Context(), "k").Val(); left <= 5*time.Second || left > 10*time.Second {
		t.Errorf("the mark runs out in %v", left)
	}
	script(t, client, finishScript, "b")
	step("")
	script(t, client, finishScript, "b")
	step("")

	client.Set(t.Context(), "k", "b1|{}", 0)
	script(t, client, finishScript, "a")
	step("")
	client.Set(t.Context(), "k", "lxyz", 0)
	script(t, client, finishScript, "a")
	step("")
	script(t, client, markScript, "a", ttl, 64)
	script(t, client, finishScript) // what a sweep does
	step("a")
}

func TestMarkForgetsDeadWritersOneByOne(t *testing.T) {
	t.Parallel()
	client := dialPatient(t, newRedis(t).Addr())
	script(t, client, markScript, "dead", 30, 64)
	script(t, client, markScript, "live", 10_000, 64)
	eventually(t, "the dead writer's token runs out", func() bool {
		script(t, client, finishScript, "nobody")
		return tokensOf(t, stored(t, client, "k")) == "live"
	})
	script(t, client, finishScript, "live")
	if got := stored(t, client, "k"); got != "" {
		t.Errorf("left: %q", got)
	}
	// A long mark must not be cut short by a shorter one after it.
	script(t, client, markScript, "long", 10_000, 64)
	script(t, client, markScript, "short", 30, 64)
	if left := client.PTTL(t.Context(), "k").Val(); left < 5*time.Second {
		t.Errorf("a later mark cut an earlier one to %v", left)
	}
}

func TestMarkIsBounded(t *testing.T) {
	t.Parallel()
	client := dialPatient(t, newRedis(t).Addr())
	for i := range 10 {
		script(t, client, markScript, fmt.Sprint("w", i), 10_000, 3)
	}
	if got := tokensOf(t, stored(t, client, "k")); got != "w0 w1 w2 *" {
		t.Fatalf("the mark holds %q", got)
	}
	for i := range 10 {
		script(t, client, finishScript, fmt.Sprint("w", i))
	}
	if got := tokensOf(t, stored(t, client, "k")); got != "*" {
		t.Errorf("the blanket must stay until it runs out: %q", got)
	}
}

func TestLeaseAndFill(t *testing.T) {
	t.Parallel()
	client := dialPatient(t, newRedis(t).Addr())
	for _, tc := range []struct {
		reason string
		steps  func()
		fills  bool
	}{
		{"a lease that stands", func() { script(t, client, leaseScript, "me", 2000) }, true},
		{"no lease at all", func() {}, false},
		{"another's lease", func() { script(t, client, leaseScript, "other", 2000) }, false},
		{"a mark since", func() { script(t, client, leaseScript, "me", 2000); script(t, client, markScript, "w", 10_000, 64) }, false},
		{"marked and finished since", func() {
			script(t, client, leaseScript, "me", 2000)
			script(t, client, markScript, "w", 10_000, 64)
			script(t, client, finishScript, "w")
		}, false},
		{"finished since, its mark lost", func() { script(t, client, leaseScript, "me", 2000); script(t, client, finishScript, "w") }, false},
		{"flushed since", func() { script(t, client, leaseScript, "me", 2000); client.FlushAll(t.Context()) }, false},
		{"released", func() { script(t, client, leaseScript, "me", 2000); script(t, client, releaseScript, "me") }, false},
		{"another's release", func() { script(t, client, leaseScript, "me", 2000); script(t, client, releaseScript, "other") }, true},
	} {
		client.Del(t.Context(), "k")
		tc.steps()
		if got := script(t, client, fillScript, "me", "b1|{}", 60_000) == int64(1); got != tc.fills {
			t.Errorf("%s: filled is %t", tc.reason, got)
		}
	}
	client.Set(t.Context(), "k", "b7|{}", 0)
	if got := script(t, client, leaseScript, "me", 2000); got != "b7|{}" || stored(t, client, "k") != "b7|{}" {
		t.Errorf("a lease replaced or hid a body: %v", got)
	}
	client.Del(t.Context(), "k")
	script(t, client, leaseScript, "me", 2000)
	if left := client.PTTL(t.Context(), "k").Val(); left <= 0 || left > 2*time.Second {
		t.Errorf("the lease runs out in %v", left)
	}
}

func TestScriptsHealForeignTypes(t *testing.T) {
	t.Parallel()
	client := dialPatient(t, newRedis(t).Addr())
	for name, run := range map[string]func(){
		"mark":   func() { script(t, client, markScript, "w", 10_000, 64) },
		"finish": func() { script(t, client, finishScript, "w") },
		"lease":  func() { script(t, client, leaseScript, "w", 2000) },
	} {
		client.Del(t.Context(), "k")
		client.HSet(t.Context(), "k", "field", "value")
		run()
		if kind := client.Type(t.Context(), "k").Val(); kind == "hash" {
			t.Errorf("%s left a hash where it is in the way", name)
		}
	}
}

func TestMarkWorksWhenMemoryIsFull(t *testing.T) {
	t.Parallel()
	client := dialPatient(t, newRedis(t).Addr())
	client.Set(t.Context(), "k", "b1|{}", 0)
	if err := client.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	if err := client.Set(t.Context(), "x", "y", 0).Err(); !redis.HasErrorPrefix(err, "OOM") {
		t.Fatalf("the memory is not full: %v", err)
	}
	script(t, client, markScript, "w", 10_000, 64)
	if got := tokensOf(t, stored(t, client, "k")); got != "w" {
		t.Errorf("the key holds %q: a stale body would be served", got)
	}
	script(t, client, finishScript, "w")
}
