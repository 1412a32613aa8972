package events

import (
	"maps"
	"testing"
	"time"

	"studychat/db"
	"studychat/test/services"
)

func expectCounts(t *testing.T, r Registry, here, everywhere map[string]int) {
	t.Helper()
	nonZero := func(m map[string]int) map[string]int {
		maps.DeleteFunc(m, func(_ string, n int) bool { return n == 0 })
		return m
	}
	got, err := r.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(nonZero(got.Here), here) || !maps.Equal(nonZero(got.Everywhere), everywhere) {
		t.Errorf("got %v, want %v and %v", got, here, everywhere)
	}
}

func registryCounts(t *testing.T, r Registry) {
	socket, sse := WithTransport(t.Context(), "websocket"), WithTransport(t.Context(), "sse")
	_, one := r.Add(socket, ChatTopic("c"), "ann")
	r.Add(socket, ChatTopic("c"), "ann") // a second tab
	r.Add(sse, UserTopic("bob"), "bob")
	_, unnamed := r.Add(t.Context(), ChatTopic("d"), "ann")
	want := map[string]int{"websocket": 2, "sse": 1, "other": 1}
	expectCounts(t, r, want, want)
	one(sse) // whoever closes it, it was a socket's
	one(sse)
	unnamed(sse)
	want = map[string]int{"websocket": 1, "sse": 1}
	expectCounts(t, r, want, want)
	r.Stop()
}

// haste is how much faster than in earnest: more, and a busy machine would miss a heartbeat.
const haste = 30

// hasty is a registry that lives faster.
func hasty(t *testing.T, server *services.RedisServer) *redisRegistry {
	r := NewRedisRegistry(testRedisClient(t, server.Addr()), time.Now, testLog(t)).(*redisRegistry)
	r.ttl, r.heartbeat = ConnectionTTL/haste, Heartbeat/haste
	return startRegistry(t, r).(*redisRegistry)
}

// kill ends a registry as SIGKILL does: the heart stops and nothing is taken out.
func (r *redisRegistry) kill() {
	r.cancel()
	r.tasks.Wait()
}

func everywhere(t *testing.T, r Registry, transport string) int {
	t.Helper()
	counts, err := r.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return counts.Everywhere[transport]
}

func TestRegistryRedisForgetsAKilledInstance(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	killed, stopped, stays := hasty(t, server), hasty(t, server), hasty(t, server)
	ctx, chat := WithTransport(t.Context(), "sse"), chatOf("c", "ann", "bob", "cid")
	_, _ = killed.Add(ctx, ChatTopic("c"), "ann")
	_, _ = killed.Add(ctx, ChatTopic("c"), "bob")
	_, _ = stopped.Add(ctx, UserTopic("bob"), "bob")
	_, _ = stays.Add(ctx, ChatTopic("c"), "cid")
	eventually(t, 5*time.Second, "all are counted", func() bool { return everywhere(t, stays, "sse") == 4 })
	expectOnline(t, stays, chat, "ann", "bob", "cid")
	// For longer than they would live without a heartbeat, all stay.
	end := time.Now().Add(2 * ConnectionTTL / haste)
	eventually(t, 5*time.Second, "time passes", func() bool { return time.Now().After(end) })
	expectOnline(t, stays, chat, "ann", "bob", "cid")
	expectCounts(t, stays, map[string]int{"sse": 1}, map[string]int{"sse": 4})

	stopped.Stop()
	expectCounts(t, stays, map[string]int{"sse": 1}, map[string]int{"sse": 3})
	begun := time.Now()
	killed.kill()
	eventually(t, 5*time.Second, "nobody but cid is left", func() bool {
		online, err := stays.Online(t.Context(), []*db.Chat{chat})
		return err == nil && len(online["c"]) == 1 && everywhere(t, stays, "sse") == 1
	})
	// The entries carry their end with them, so no time is lost to whoever removes them.
	if took := time.Since(begun); took > ConnectionTTL/haste+500*time.Millisecond {
		t.Errorf("a killed instance's entries lived for %v, with a time to live of %v", took, ConnectionTTL/haste)
	}
	expectOnline(t, stays, chat, "cid")
}
