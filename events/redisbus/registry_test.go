package redisbus

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/db"
	"studychat/events"
	"studychat/events/eventstest"
	"studychat/test/services"
)

func TestRegistry(t *testing.T) {
	t.Parallel()
	everyRedis(t, func(t *testing.T, connect connector) {
		newOne := func() events.Registry {
			return NewRegistry(handle(t, connect(t)), time.Now, eventstest.Log(t))
		}
		eventstest.TestRegistry(t, newOne()) // it leaves nothing behind
		registryBetweenInstances(t, eventstest.StartRegistry(t, newOne()), eventstest.StartRegistry(t, newOne()))
	})
	t.Run("redis that is not there", func(t *testing.T) {
		t.Parallel()
		eventstest.TestRegistry(t, NewRegistry(handle(t, testRedisClient(t, "127.0.0.1:1")), time.Now, eventstest.Log(t)))
	})
}

func registryBetweenInstances(t *testing.T, a, b events.Registry) {
	ctx, chat := t.Context(), eventstest.ChatOf("c", "ann", "bob")
	first := a.Add(ctx, events.ChatTopic("c"), "ann")
	again := b.Add(ctx, events.ChatTopic("c"), "ann")
	if !first || again {
		t.Errorf("first on a: %v, on b: %v", first, again)
	}
	b.Add(ctx, events.UserTopic("bob"), "bob")
	eventstest.ExpectOnline(t, a, chat, "ann", "bob")
	if a.Remove(ctx, events.ChatTopic("c"), "ann") || !b.Remove(ctx, events.ChatTopic("c"), "ann") {
		t.Error("ann is gone with the last connection on any instance, and not before")
	}
	eventstest.ExpectOnline(t, a, chat, "bob")
	b.Stop() // takes its entries out
	eventstest.ExpectOnline(t, a, chat)
}

func TestRegistryRedisComesBack(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	newOne := func() events.Registry {
		return eventstest.StartRegistry(t, NewRegistry(handle(t, testRedisClient(t, server.Addr())), time.Now, eventstest.Log(t)))
	}
	a, b := newOne(), newOne()
	ctx, chat := t.Context(), eventstest.ChatOf("c", "ann", "bob")
	a.Add(ctx, events.ChatTopic("c"), "ann")
	server.Pause()
	begun := time.Now()
	for range 20 {
		eventstest.ExpectOnline(t, a, chat, "ann") // what this instance knows by itself
		a.Add(ctx, events.ChatTopic("c"), "ann")
	}
	b.Add(ctx, events.ChatTopic("c"), "bob")
	if took := time.Since(begun); took > time.Second {
		t.Errorf("a Redis that hangs cost %v", took)
	}
	server.Resume()
	server.Kill()
	server.Restart()
	expectWithin := func(r events.Registry) {
		t.Helper()
		eventually(t, events.Heartbeat+5*time.Second, "everybody is known everywhere again", func() bool {
			got, _ := r.Online(ctx, []*db.Chat{chat})
			return slices.Equal(got["c"], []string{"ann", "bob"})
		})
	}
	expectWithin(a)
	expectWithin(b)
}

// While a node is missing no caller waits for it, and nobody's log fills up.
func TestRegistryRedisOnAClusterThatLosesANode(t *testing.T) {
	t.Parallel()
	cluster := services.NewRedisCluster(t)
	lines := &countLines{Handler: slog.DiscardHandler}
	newOne := func() events.Registry {
		r := NewRegistry(handleLogging(t, testClusterClient(t, cluster.Addrs()...), slog.New(lines)), time.Now, slog.New(lines)).(*registry)
		r.heartbeat = events.Heartbeat / haste
		return eventstest.StartRegistry(t, r)
	}
	a, b := newOne(), newOne()
	ctx, chats := t.Context(), []*db.Chat{}
	for i := range 20 { // on all nodes
		id := fmt.Sprint("c", i)
		chats = append(chats, eventstest.ChatOf(id, "ann", "bob"))
		a.Add(ctx, events.ChatTopic(id), "ann")
		b.Add(ctx, events.ChatTopic(id), "bob")
	}
	seesOnA := func(want ...string) func() bool {
		return func() bool {
			online, err := a.Online(ctx, chats)
			for _, users := range online {
				if !slices.Equal(users, want) {
					return false
				}
			}
			return err == nil
		}
	}
	eventually(t, 5*time.Second, "both are online", seesOnA("ann", "bob"))
	cluster.Node(1).Kill()
	eventually(t, 5*time.Second, "a knows itself alone", seesOnA("ann"))
	begun := time.Now()
	for range 10 {
		a.Add(ctx, events.ChatTopic("c1"), "ann")
		if !seesOnA("ann")() {
			t.Error("what this instance knows by itself is lost")
		}
	}
	if took := time.Since(begun); took > time.Second {
		t.Errorf("a node that is missing cost %v", took)
	}
	cluster.Node(1).Restart()
	eventually(t, 15*time.Second, "both are online again", seesOnA("ann", "bob"))
	if n := lines.n.Load(); n > 4 { // of each: Redis does not answer, Redis answers again
		t.Errorf("%d lines were logged", n)
	}
}

// countLines counts what is logged.
type countLines struct {
	slog.Handler

	n atomic.Int64
}

func (*countLines) Enabled(context.Context, slog.Level) bool { return true }

func (h *countLines) Handle(_ context.Context, record slog.Record) error {
	if record.Level >= slog.LevelInfo {
		h.n.Add(1)
	}
	return nil
}

// TestRegistryRedisForgetsTheDead: an instance that was killed is dead when its time is over, and its entries count no more.
func TestRegistryRedisForgetsTheDead(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	client := testRedisClient(t, server.Addr())
	dead := NewRegistry(handle(t, client), time.Now, eventstest.Log(t)).(*registry) // never started: it sends no heartbeat
	dead.Add(t.Context(), events.ChatTopic("c"), "ann")
	alive := hastyWith(t, server, dead.entryTTL)
	eventstest.ExpectOnline(t, alive, eventstest.ChatOf("c", "ann"), "ann")
	keys := namesOf(t).Keys()
	score, err := client.ZScore(t.Context(), keys.Instances(0), dead.self.name()).Result()
	if err != nil {
		t.Fatal(err)
	}
	left := time.Until(time.UnixMilli(int64(score)))
	if left > events.ConnectionTTL || left < events.ConnectionTTL-5*time.Second {
		t.Errorf("the instance lives for %v", left)
	}
	over := redis.Z{Score: float64(time.Now().Add(-time.Millisecond).UnixMilli()), Member: dead.self.name()} // as if that time had passed
	if err := client.ZAdd(t.Context(), keys.Instances(0), over).Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, "ann is not online any more", func() bool {
		online, err := alive.Online(t.Context(), []*db.Chat{eventstest.ChatOf("c", "ann")})
		return err == nil && len(online["c"]) == 0
	})
	if !alive.Add(t.Context(), events.ChatTopic("c"), "ann") {
		t.Error("the dead entry counts")
	}
	for _, key := range []string{keys.Instances(0), keys.Online(string(events.ChatTopic("c")))} {
		if ttl := client.TTL(t.Context(), key).Val(); ttl <= 0 {
			t.Errorf("%s stays forever when nobody renews it", key)
		}
	}
	dead.cancel()
}
