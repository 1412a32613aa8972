package app

import (
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/db"
	"studychat/db/cache"
	"studychat/events"
	"studychat/events/redisbus"
	"studychat/redisconn"
	"studychat/test/services"
)

// TestPresenceSurvivesAnOverflowOfTheCache is a regression test. The cache clears itself after too many pending
// invalidations during an outage of Redis. It used to treat every key under its prefix that is not a string as damaged,
// including everybody's presence.
func TestPresenceSurvivesAnOverflowOfTheCache(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	open := func() redis.UniversalClient {
		settings, err := redisconn.ParseURL("redis://"+server.Addr(), "")
		if err != nil {
			t.Fatal(err)
		}
		client := settings.BusClient()
		t.Cleanup(func() { _ = client.Close() })
		return client
	}
	names := redisconn.NewNamespace("test")
	client := open()
	health := redisconn.NewHealth(client, log)
	health.Timeout = 200 * time.Millisecond
	health.Start(t.Context())
	t.Cleanup(health.Stop)
	guard := cache.NewGuard(redisconn.Handle{Client: client, Names: names, Health: health}, cache.GuardOptions{MaxPending: 1, Log: log})
	newRegistry := func() events.Registry { // its own Health does not notice the outage, so that it does not repair what is lost
		client := open()
		health := redisconn.NewHealth(client, log)
		return redisbus.NewRegistry(redisconn.Handle{Client: client, Names: names, Health: health}, time.Now, log)
	}
	here, there := newRegistry(), newRegistry()
	for _, r := range []events.Registry{here, there} {
		if err := r.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(r.Stop)
	}
	chat := &db.Chat{ID: db.NewID(), Members: []*db.Member{{UserID: "ann"}}}
	here.Add(t.Context(), events.ChatTopic(chat.ID), "ann")
	online := func() bool {
		found, err := there.Online(t.Context(), []*db.Chat{chat})
		return err == nil && len(found[chat.ID]) == 1
	}
	eventually(t, "ann is online", online)
	body := names.Keys().Chat("left behind")
	if err := open().Set(t.Context(), body, "b1|{}", 0).Err(); err != nil {
		t.Fatal(err)
	}

	server.Pause()
	for range 3 { // more than one key
		guard.Mark(t.Context(), db.Write{ChatID: db.NewID(), Members: []string{"ann"}})(db.Committed)
	}
	server.Resume()
	guard.Start(t.Context())
	t.Cleanup(guard.Stop)
	eventually(t, "the cache is cleared", func() bool { return open().Exists(t.Context(), body).Val() == 0 })
	if !online() {
		t.Error("ann is not online any more")
	}
}
