package redisbus

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/db"
	"studychat/events"
	"studychat/events/eventstest"
	"studychat/test/services"
)

// TestHeartbeatCostsByInstance: a heartbeat was three commands for each watched chat. Now most of it does not depend on them.
func TestHeartbeatCostsByInstance(t *testing.T) {
	t.Parallel()
	const chats = 2_000 // with 10,000, a heartbeat is 254 commands
	server := services.NewRedisServer(t)
	client := testRedisClient(t, server.Addr())
	r := NewRegistry(handle(t, client), time.Now, eventstest.Log(t)).(*registry)
	defer r.cancel()
	for i := range chats {
		r.local.Add(t.Context(), events.ChatTopic(fmt.Sprint("c", i)), fmt.Sprint("u", i))
	}
	turns, sum := int(r.entryTTL/r.heartbeat/3), 0
	for turn := range turns {
		before := commands(t, client)
		if !r.beat(t.Context(), false, turn) {
			t.Fatal("a heartbeat failed")
		}
		sent := commands(t, client) - before
		if sent > chats/20 {
			t.Errorf("heartbeat %d of %d sent %d commands", turn, turns, sent)
		}
		sum += sent
	}
	t.Logf("%d chats: %.0f commands per heartbeat of %v", chats, float64(sum)/float64(turns), r.heartbeat)
	if written := client.DBSize(t.Context()).Val(); written != chats+1 {
		t.Errorf("%d keys after all turns: each entry is written once", written)
	}
}

// commands is how many commands of sorted sets a server has run.
func commands(t *testing.T, client *redis.Client) (n int) {
	t.Helper()
	info, err := client.Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`cmdstat_(?:z\w+|pexpire):calls=(\d+)`).FindAllStringSubmatch(info, -1) {
		calls, _ := strconv.Atoi(m[1])
		n += calls
	}
	return n
}

// TestRegistryAfterALoss: Redis loses all that it knew while no connection notices, and the others know everybody again after a heartbeat.
func TestRegistryAfterALoss(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	here, there := hastyWith(t, server, time.Hour), hastyWith(t, server, time.Hour)
	here.Add(t.Context(), events.ChatTopic("c"), "ann")
	chat := eventstest.ChatOf("c", "ann", "bob")
	eventstest.ExpectOnline(t, there, chat, "ann")
	if err := testRedisClient(t, server.Addr()).FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	eventstest.ExpectOnline(t, there, chat)
	eventually(t, 5*time.Second, "ann is online again", func() bool { return isOnline(t, there, chat, 1) })
}

// TestRegistryAfterAnEviction: Redis evicts an entry alone.
func TestRegistryAfterAnEviction(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	here, there := hasty(t, server), hasty(t, server)
	here.Add(t.Context(), events.ChatTopic("c"), "ann")
	key := here.key(events.ChatTopic("c"))
	if n := testRedisClient(t, server.Addr()).Del(t.Context(), key).Val(); n != 1 {
		t.Fatalf("%d keys deleted", n)
	}
	chat := eventstest.ChatOf("c", "ann")
	eventstest.ExpectOnline(t, there, chat)
	eventually(t, 10*time.Second, "ann is online again", func() bool { return isOnline(t, there, chat, 1) })
}

// TestRegistryAfterAFailedDelete: an entry whose deletion failed does not count until it runs out.
func TestRegistryAfterAFailedDelete(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	here, there := hastyWith(t, server, time.Hour), hastyWith(t, server, time.Hour)
	ctx, chat := t.Context(), eventstest.ChatOf("c", "ann", "bob")
	here.Add(ctx, events.ChatTopic("c"), "ann")
	here.Add(ctx, events.ChatTopic("c"), "bob")
	eventstest.ExpectOnline(t, there, chat, "ann", "bob")
	here.local.Remove(ctx, events.ChatTopic("c"), "ann") // as if the command had been lost
	signal(here.failed)
	eventually(t, 5*time.Second, "only bob is online", func() bool { return isOnline(t, there, chat, 1) })
	eventstest.ExpectOnline(t, there, chat, "bob")
}

func isOnline(t *testing.T, r *registry, chat *db.Chat, users int) bool {
	online, err := r.Online(t.Context(), []*db.Chat{chat})
	return err == nil && len(online[chat.ID]) == users
}
