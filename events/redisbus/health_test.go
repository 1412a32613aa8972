package redisbus

import (
	"testing"
	"time"

	"studychat/db"
	"studychat/events"
	"studychat/events/eventstest"
	"studychat/redisconn"
	"studychat/test/services"
)

func TestBusIsAPartOfHealth(t *testing.T) {
	t.Parallel()
	h := handle(t, testRedisClient(t, services.NewRedisServer(t).Addr()))
	bus := New(h, eventstest.Log(t))
	if h.Health.OK() {
		t.Error("healthy, though the bus does not work yet")
	}
	startBus(t, bus)
	eventually(t, over, "both are healthy", h.Health.OK)
}

// TestBusLearnsFromHealth: once another user of Redis has found that it hangs, the bus does not wait to see for itself.
func TestBusLearnsFromHealth(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	h := handle(t, testRedisClient(t, server.Addr()))
	got := startBus(t, New(h, eventstest.Log(t)))
	states(t, over, got, events.Healthy)
	got.Forget()
	server.Pause()
	h.Health.Report(time.Now(), redisconn.ErrUnhealthy)
	eventually(t, over, "Redis is down", h.Health.Down)
	eventually(t, 100*time.Millisecond, "the bus is degraded", func() bool { return len(got.States()) > 0 })
	server.Resume()
	states(t, over, got, events.Degraded, events.Healthy)
}

// TestHealthLearnsFromBus: a session that fails has Redis probed at once, though nobody else asks Redis anything.
func TestHealthLearnsFromBus(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	h := handle(t, testRedisClient(t, server.Addr()))
	got := startBus(t, New(h, eventstest.Log(t)))
	states(t, over, got, events.Healthy)
	killPubSub(t, server.Addr())
	eventually(t, over, "the failure of the session alone is reported", func() bool { return h.Health.Failures() > 0 })
	states(t, over, got, events.Healthy, events.Degraded, events.Healthy)
	if h.Health.Down() {
		t.Error("Redis is down, though it has answered a probe")
	}
	server.Kill()
	eventually(t, noticed, "Redis is down", h.Health.Down)
	server.Restart()
	eventually(t, over, "both are healthy", h.Health.OK)
}

// TestRegistryRenewsWhenRedisIsBack: after an outage, entries do not wait for the next heartbeat.
func TestRegistryRenewsWhenRedisIsBack(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	h := handle(t, testRedisClient(t, server.Addr()))
	here := eventstest.StartRegistry(t, NewRegistry(h, time.Now, eventstest.Log(t)))
	there := NewRegistry(h, time.Now, eventstest.Log(t))
	here.Add(t.Context(), events.ChatTopic("c"), "ann")
	isOnline := func() bool {
		online, err := there.Online(t.Context(), []*db.Chat{eventstest.ChatOf("c", "ann")})
		return err == nil && len(online["c"]) == 1
	}
	eventually(t, over, "ann is online", isOnline)
	server.Kill()
	eventually(t, over, "the outage is noticed", func() bool { return !isOnline() && h.Health.Down() })
	server.Restart()
	eventually(t, events.Heartbeat/3, "ann is online again", isOnline)
}
