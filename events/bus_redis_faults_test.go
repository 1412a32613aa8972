package events

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/db"
	"studychat/test/services"
)

// What is promised: an outage is noticed within 3 s, and over 5 s after Redis is back.
const (
	noticed = 3 * time.Second
	over    = 5 * time.Second
)

// patience is for what is promised to come, but not when.
const patience = 30 * time.Second

// degraded waits until the sink was told so.
func (r *recorder) degraded(t *testing.T) {
	t.Helper()
	eventually(t, noticed, "degraded", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.seen) > 0 && r.seen[0] == Degraded
	})
}

// arrives publishes until a poke arrives: a poke may be lost.
func arrives(t *testing.T, within time.Duration, from Bus, got *recorder, partition int, seq int64) {
	t.Helper()
	topic := topicIn(partition)
	eventually(t, within, fmt.Sprint("a poke arrives in partition ", partition), func() bool {
		from.Publish(t.Context(), Poke{Topic: topic, Seq: seq})
		return got.has(fmt.Sprintf("%s@%d", topic, seq))
	})
}

func killPubSub(t *testing.T, addr string) {
	t.Helper()
	if err := testRedisClient(t, addr).ClientKillByFilter(t.Context(), "TYPE", "pubsub").Err(); err != nil {
		t.Fatal(err)
	}
}

func TestRedisBusSurvivesFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason string
		fault  func(t *testing.T, server *services.RedisServer, link *services.Proxy)
		repair func(server *services.RedisServer, link *services.Proxy)
	}{
		{"killed and restarted empty",
			func(_ *testing.T, s *services.RedisServer, _ *services.Proxy) { s.Kill() },
			func(s *services.RedisServer, _ *services.Proxy) { s.Restart() }},
		{"stopped answering",
			func(_ *testing.T, s *services.RedisServer, _ *services.Proxy) { s.Pause() },
			func(s *services.RedisServer, _ *services.Proxy) { s.Resume() }},
		{"connections killed by Redis",
			func(t *testing.T, s *services.RedisServer, _ *services.Proxy) { killPubSub(t, s.Addr()) },
			func(*services.RedisServer, *services.Proxy) {}},
		{"connections cut on the way",
			func(_ *testing.T, _ *services.RedisServer, p *services.Proxy) { p.Cut() },
			func(*services.RedisServer, *services.Proxy) {}},
		{"a black hole on the way",
			func(_ *testing.T, _ *services.RedisServer, p *services.Proxy) { p.Blackhole() },
			func(_ *services.RedisServer, p *services.Proxy) { p.Heal() }},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			server := services.NewRedisServer(t)
			link := services.NewProxy(t, server.Addr())
			from, _, got := joinedPair(t, func(t *testing.T) redis.UniversalClient { return testRedisClient(t, link.Addr()) })
			got.forget()
			c.fault(t, server, link)
			got.degraded(t)
			begun := time.Now()
			from.Publish(t.Context(), Poke{Topic: topicIn(aPartition), Seq: 1})
			if took := time.Since(begun); took > 100*time.Millisecond {
				t.Errorf("a caller was held up for %v", took)
			}
			c.repair(server, link)
			got.states(t, over, Degraded, Healthy)
			if !got.gapped(-1) {
				t.Error("healthy before the gap was told")
			}
			arrives(t, over, from, got, aPartition, 2)
		})
	}
}

// flood publishes more than Redis holds for a subscriber: 4 KB, and the 16 KB that it does not count.
func flood(t *testing.T, from Bus, topic Topic) {
	t.Helper()
	id, _ := topic.chat()
	for seq := range int64(2 * sendBatch) {
		from.Publish(t.Context(), Poke{Topic: topic, Epoch: 1, Seq: seq + 1, Event: &db.Event{
			ChatID: id, Seq: seq + 1, Epoch: 1, Kind: db.ChatRenamed, Title: strings.Repeat("x", 1500),
		}})
	}
}

const tightBuffer = "pubsub 4kb 4kb 1"

func TestRedisBusOutgrowsTheOutputBuffer(t *testing.T) {
	t.Parallel()
	from, to, got := joinedPair(t, to(services.NewRedisServer(t, "--client-output-buffer-limit", tightBuffer)))
	got.forget()
	flood(t, from, topicIn(aPartition))
	got.degraded(t)
	got.states(t, over, Degraded, Healthy)
	if !got.gapped(aPartition) || to.State() != Healthy {
		t.Error("no gap was told")
	}
	arrives(t, over, from, got, aPartition, 1000)
}

// nodeOf finds where the partition's channel lives, and a partition that lives elsewhere.
func nodeOf(t *testing.T, bus Bus, partition int) (slot, node, elsewhere int) {
	t.Helper()
	client := bus.(*redisBus).client
	where := func(p int) (slot, node int) {
		n, err := client.ClusterKeySlot(t.Context(), bus.(*redisBus).channel(p)).Result()
		if err != nil {
			t.Fatal(err)
		}
		return int(n), int(n) * 3 / 16384
	}
	slot, node = where(partition)
	for p := range Partitions {
		if _, other := where(p); other != node {
			return slot, node, p
		}
	}
	t.Fatal("all partitions live on one node")
	return 0, 0, 0
}

func TestRedisBusOnAClusterThatLosesANode(t *testing.T) {
	t.Parallel()
	cluster := services.NewRedisCluster(t)
	from, to, got := joinedPair(t, toCluster(cluster))
	_, node, elsewhere := nodeOf(t, to, aPartition)
	to.Join(elsewhere)
	arrives(t, over, from, got, elsewhere, 1)
	got.forget()

	cluster.Kill(node)
	got.degraded(t)
	for seq := int64(2); seq < 12; seq++ {
		arrives(t, time.Second, from, got, elsewhere, seq)
	}
	if got.gapped(elsewhere) {
		t.Error("the other partitions were disturbed")
	}
	cluster.Restart(node)
	got.states(t, over, Degraded, Healthy)
	if !got.gapped(aPartition) {
		t.Error("healthy before the gap was told")
	}
	arrives(t, over, from, got, aPartition, 12)

	got.forget()
	killPubSub(t, cluster.Addrs()[node])
	got.degraded(t)
	got.states(t, over, Degraded, Healthy)
	arrives(t, over, from, got, aPartition, 13)
}

func TestRedisBusOnAClusterWhoseNodeHangs(t *testing.T) {
	t.Parallel()
	cluster := services.NewRedisCluster(t)
	from, to, got := joinedPair(t, toCluster(cluster))
	_, node, elsewhere := nodeOf(t, to, aPartition)
	to.Join(elsewhere)
	arrives(t, over, from, got, elsewhere, 1)
	got.forget()
	cluster.Node(node).Pause()
	got.degraded(t)
	for seq := int64(2); seq < 12; seq++ {
		arrives(t, time.Second, from, got, elsewhere, seq)
	}
	cluster.Node(node).Resume()
	got.states(t, over, Degraded, Healthy)
	arrives(t, over, from, got, aPartition, 12)
}

// A slot that moves is an outage that the README promises no time for, and one run in four takes longer than 5 s: go-redis
// learns of the new home from whichever node it asks, and nodes agree on it by gossip. Sweeps deliver meanwhile.
func TestRedisBusOnAClusterThatMovesASlot(t *testing.T) {
	t.Parallel()
	cluster := services.NewRedisCluster(t)
	from, to, got := joinedPair(t, toCluster(cluster))
	slot, node, _ := nodeOf(t, to, aPartition)
	for turn := range int64(2) { // there and back
		got.forget()
		cluster.Move(slot, (node+1-int(turn))%3)
		eventually(t, patience, "a gap is told", func() bool { return got.gapped(aPartition) })
		eventually(t, patience, "healthy", func() bool { return to.State() == Healthy })
		arrives(t, patience, from, got, aPartition, turn+1)
	}
}

func TestRedisBusFailsOver(t *testing.T) {
	t.Parallel()
	sentinel := services.NewRedisSentinel(t)
	from, _, got := joinedPair(t, toSentinel(sentinel))
	got.forget()
	sentinel.KillMaster()
	got.degraded(t)
	got.states(t, over, Degraded, Healthy)
	if !got.gapped(-1) || !got.gapped(aPartition) {
		t.Error("healthy before the gap was told")
	}
	arrives(t, over, from, got, aPartition, 1)
}
