package events

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"studychat/db"
	"studychat/test/services"
)

// everyRegistry runs the tests over every implementation, those over Redis on one service, one after the other: each
// stops what it was given, so that nothing is left to the next.
func everyRegistry(t *testing.T, tests ...func(t *testing.T, r Registry)) {
	run := func(t *testing.T, newOne func() Registry) {
		for _, test := range tests {
			test(t, startRegistry(t, newOne()))
		}
	}
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		run(t, NewMemoryRegistry)
	})
	everyRedis(t, func(t *testing.T, connect connector) {
		newOne := func() Registry { return NewRedisRegistry(connect(t), time.Now, testLog(t)) }
		run(t, newOne)
		redisRegistryBetweenInstances(t, startRegistry(t, newOne()), startRegistry(t, newOne()))
	})
	t.Run("redis that is not there", func(t *testing.T) {
		t.Parallel()
		run(t, func() Registry { return NewRedisRegistry(testRedisClient(t, "127.0.0.1:1"), time.Now, testLog(t)) })
	})
}

func startRegistry(t *testing.T, r Registry) Registry {
	t.Helper()
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	return r
}

func chatOf(id string, members ...string) *db.Chat {
	c := &db.Chat{ID: id}
	for _, m := range members {
		c.Members = append(c.Members, &db.Member{UserID: m})
	}
	return c
}

func expectOnline(t *testing.T, r Registry, chat *db.Chat, want ...string) {
	t.Helper()
	got, err := r.Online(t.Context(), []*db.Chat{chat, chatOf("empty", "ann")})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got[chat.ID], want) {
		t.Errorf("online: %v, want %v", got[chat.ID], want)
	}
	if got[chat.ID] == nil {
		t.Error("a nil list")
	}
}

func TestRegistry(t *testing.T) {
	t.Parallel()
	everyRegistry(t, registryKnowsWhoIsOnline, registryCounts)
}

func registryKnowsWhoIsOnline(t *testing.T, r Registry) {
	ctx := t.Context()
	chat := chatOf("c", "cid", "bob", "ann")
	expectOnline(t, r, chat)

	add := func(topic Topic, user string, wantFirst bool) func(context.Context) bool {
		t.Helper()
		first, remove := r.Add(ctx, topic, user)
		if first != wantFirst {
			t.Errorf("%s on %s: first = %v", user, topic, first)
		}
		return remove
	}
	one := add(ChatTopic("c"), "ann", true)
	two := add(ChatTopic("c"), "ann", false)
	add(ChatTopic("c"), "stranger", true)
	add(ChatTopic("other"), "bob", true)
	feed := add(UserTopic("cid"), "cid", true)
	expectOnline(t, r, chat, "cid", "ann") // in the order of members; strangers are not shown

	if one(ctx) {
		t.Error("ann is said to be gone while a connection is left")
	}
	if one(ctx) {
		t.Error("a connection was removed twice")
	}
	expectOnline(t, r, chat, "cid", "ann")
	if !two(ctx) {
		t.Error("ann is not said to be gone")
	}
	expectOnline(t, r, chat, "cid")
	feed(ctx)
	expectOnline(t, r, chat)
	r.Stop()
	r.Stop()
}

func redisRegistryBetweenInstances(t *testing.T, a, b Registry) {
	ctx, chat := t.Context(), chatOf("c", "ann", "bob")
	first, onA := a.Add(ctx, ChatTopic("c"), "ann")
	again, onB := b.Add(ctx, ChatTopic("c"), "ann")
	if !first || again {
		t.Errorf("first on a: %v, on b: %v", first, again)
	}
	b.Add(ctx, UserTopic("bob"), "bob")
	expectOnline(t, a, chat, "ann", "bob")
	if onA(ctx) || !onB(ctx) {
		t.Error("ann is gone with the last connection on any instance, and not before")
	}
	expectOnline(t, a, chat, "bob")
	b.Stop() // takes its entries out
	expectOnline(t, a, chat)
}

func TestRegistryRedisComesBack(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	newOne := func() Registry {
		return startRegistry(t, NewRedisRegistry(testRedisClient(t, server.Addr()), time.Now, testLog(t)))
	}
	a, b := newOne(), newOne()
	ctx, chat := t.Context(), chatOf("c", "ann", "bob")
	a.Add(ctx, ChatTopic("c"), "ann")
	server.Pause()
	begun := time.Now()
	for range 20 {
		expectOnline(t, a, chat, "ann") // what this instance knows by itself
		a.Add(ctx, ChatTopic("c"), "ann")
	}
	b.Add(ctx, ChatTopic("c"), "bob")
	if took := time.Since(begun); took > time.Second {
		t.Errorf("a Redis that hangs cost %v", took)
	}
	server.Resume()
	server.Kill()
	server.Restart()
	expectWithin := func(r Registry) {
		t.Helper()
		eventually(t, Heartbeat+5*time.Second, "everybody is known everywhere again", func() bool {
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
	newOne := func() Registry {
		r := NewRedisRegistry(testClusterClient(t, cluster.Addrs()...), time.Now, slog.New(lines)).(*redisRegistry)
		r.heartbeat = Heartbeat / haste
		return startRegistry(t, r)
	}
	a, b := newOne(), newOne()
	ctx, chats := t.Context(), []*db.Chat{}
	for i := range 20 { // on all nodes
		id := fmt.Sprint("c", i)
		chats = append(chats, chatOf(id, "ann", "bob"))
		a.Add(ctx, ChatTopic(id), "ann")
		b.Add(ctx, ChatTopic(id), "bob")
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
	cluster.Kill(1)
	eventually(t, 5*time.Second, "a knows itself alone", seesOnA("ann"))
	begun := time.Now()
	for range 10 {
		a.Add(ctx, ChatTopic("c1"), "ann")
		if !seesOnA("ann")() {
			t.Error("what this instance knows by itself is lost")
		}
	}
	if took := time.Since(begun); took > time.Second {
		t.Errorf("a node that is missing cost %v", took)
	}
	cluster.Restart(1)
	eventually(t, 15*time.Second, "both are online again", seesOnA("ann", "bob"))
	if n := lines.n.Load(); n > 4 { // each: it does not answer, it answers again
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

func TestRegistryRedisForgetsTheDead(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	client := testRedisClient(t, server.Addr())
	dead := NewRedisRegistry(client, time.Now, testLog(t)).(*redisRegistry) // never started: its heart does not beat
	dead.Add(t.Context(), ChatTopic("c"), "ann")
	alive := startRegistry(t, NewRedisRegistry(client, time.Now, testLog(t)))
	expectOnline(t, alive, chatOf("c", "ann"), "ann")
	key := registryKey(ChatTopic("c"))
	scores, err := client.ZRangeWithScores(t.Context(), key, 0, -1).Result()
	if err != nil || len(scores) != 1 {
		t.Fatal(scores, err)
	}
	left := time.Until(time.UnixMilli(int64(scores[0].Score)))
	if left > ConnectionTTL || left < ConnectionTTL-5*time.Second {
		t.Errorf("the entry lives for %v", left)
	}
	scores[0].Score = float64(time.Now().Add(-time.Millisecond).UnixMilli()) // as if that time had passed
	if err := client.ZAdd(t.Context(), key, scores[0]).Err(); err != nil {
		t.Fatal(err)
	}
	expectOnline(t, alive, chatOf("c", "ann"))
	if first, _ := alive.Add(t.Context(), ChatTopic("c"), "ann"); !first {
		t.Error("the dead entry counts")
	}
	if ttl := client.TTL(t.Context(), key).Val(); ttl <= 0 {
		t.Error("a key that nobody renews stays for ever")
	}
	dead.cancel()
}
