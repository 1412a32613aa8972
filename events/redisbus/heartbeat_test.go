package redisbus

import (
	"testing"
	"time"

	"studychat/db"
	"studychat/events"
	"studychat/events/eventstest"
	"studychat/test/services"
)

// haste is how much faster than in production these registries run. If it were larger, a busy machine would miss a heartbeat.
const haste = 30

// hasty is a registry that runs faster.
func hasty(t *testing.T, server *services.RedisServer) *registry {
	return hastyWith(t, server, 6*events.Heartbeat/haste)
}

// hastyWith is one whose entries are kept for longer.
func hastyWith(t *testing.T, server *services.RedisServer, entryTTL time.Duration) *registry {
	r := NewRegistry(handle(t, testRedisClient(t, server.Addr())), time.Now, eventstest.Log(t)).(*registry)
	r.ttl, r.heartbeat, r.entryTTL = events.ConnectionTTL/haste, events.Heartbeat/haste, entryTTL
	return eventstest.StartRegistry(t, r)
}

// kill ends a registry as SIGKILL does: the heartbeat stops, and nothing is removed.
func (r *registry) kill() {
	r.cancel()
	r.tasks.Wait()
}

func TestRegistryForgetsAKilledInstance(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	killed, stopped, stays := hasty(t, server), hasty(t, server), hasty(t, server)
	ctx, chat := t.Context(), eventstest.ChatOf("c", "ann", "bob", "cid")
	_ = killed.Add(ctx, events.ChatTopic("c"), "ann")
	_ = stopped.Add(ctx, events.UserTopic("bob"), "bob")
	_ = stays.Add(ctx, events.ChatTopic("c"), "cid")
	eventstest.ExpectOnline(t, stays, chat, "ann", "bob", "cid")
	// For longer than they would live without a heartbeat, all stay.
	end := time.Now().Add(2 * events.ConnectionTTL / haste)
	eventually(t, 5*time.Second, "time passes", func() bool { return time.Now().After(end) })
	eventstest.ExpectOnline(t, stays, chat, "ann", "bob", "cid")

	stopped.Stop()
	eventstest.ExpectOnline(t, stays, chat, "ann", "cid")
	begun := time.Now()
	killed.kill()
	eventually(t, 5*time.Second, "only cid is left", func() bool {
		online, err := stays.Online(t.Context(), []*db.Chat{chat})
		return err == nil && len(online["c"]) == 1
	})
	// Entries contain their end, so they need not be removed by anybody.
	if took := time.Since(begun); took > events.ConnectionTTL/haste+500*time.Millisecond {
		t.Errorf("a killed instance's entries lived for %v, with a time to live of %v", took, events.ConnectionTTL/haste)
	}
	eventstest.ExpectOnline(t, stays, chat, "cid")
}
