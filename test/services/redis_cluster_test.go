package services

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func clusterClient(t *testing.T, c *RedisCluster) *redis.ClusterClient {
	t.Helper()
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: c.Addrs(), MaxRetries: -1, DialerRetries: 1})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestRedisCluster(t *testing.T) {
	t.Parallel()
	c := NewRedisCluster(t, "--cluster-require-full-coverage", "no")
	client := clusterClient(t, c)
	ctx := t.Context()
	for i := range 100 {
		if err := client.Set(ctx, fmt.Sprint("k", i), i, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range clusterNodes {
		err := c.Node(i).do(ctx, func(node *redis.Client) error {
			if n := node.DBSize(ctx).Val(); n < 10 {
				t.Errorf("node %d holds %d keys of 100", i, n)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	// "k1" is slot 12706, of the last node.
	c.Node(2).Kill()
	wantRefused(t, c.Addrs()[2])
	if err := client.Get(ctx, "k1").Err(); err == nil {
		t.Error("a killed node answered")
	}
	c.Node(2).Restart()
	c.WaitOK()
	if err := client.Set(ctx, "k1", "again", time.Minute).Err(); err != nil {
		t.Errorf("after the restart: %v", err)
	}
	c.Move(1, 2)
	shards, err := client.ClusterShards(ctx).Result()
	if err != nil {
		t.Fatal(err)
	}
	owner := ""
	for _, shard := range shards {
		for _, slots := range shard.Slots {
			if slots.Start <= 1 && slots.End >= 1 {
				owner = fmt.Sprint("127.0.0.1:", shard.Nodes[0].Port)
			}
		}
	}
	if owner != c.Addrs()[2] {
		t.Errorf("slot 1 belongs to %q, not to %v", owner, c.Addrs()[2])
	}
}

func TestRedisSentinel(t *testing.T) {
	t.Parallel()
	s := NewRedisSentinel(t)
	client := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: SentinelMaster, SentinelAddrs: []string{s.Sentinel().Addr()}, MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	if err := client.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	s.WaitSynced()
	before := s.MasterAddr()
	s.KillMaster()
	if s.MasterAddr() == before {
		t.Errorf("the master is %s still", before)
	}
	within := time.After(10 * time.Second)
	for client.Set(t.Context(), "l", "v", 0).Err() != nil {
		select {
		case <-time.After(pollEvery):
		case <-within:
			t.Fatal("the new master does not accept writes")
		}
	}
	if got := client.Get(t.Context(), "k").Val(); got != "v" {
		t.Errorf("the replicated value is %q", got)
	}
}
