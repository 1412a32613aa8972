package services

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	clusterNodes = 3
	clusterSlots = 16384
	// clusterForm bounds how long the nodes may take to agree. They take 2 s: a master that starts waits that long.
	clusterForm = 30 * time.Second
)

// RedisCluster is a Redis Cluster of three masters without replicas. A slot belongs to node slot * 3 / 16384, rounded
// down. Its methods are for one goroutine at a time.
type RedisCluster struct {
	t     testing.TB
	nodes []*RedisServer
}

// NewRedisCluster starts a cluster, all nodes with further arguments such as "--cluster-require-full-coverage", "no".
// It ends with the test.
func NewRedisCluster(t testing.TB, args ...string) *RedisCluster {
	t.Helper()
	c := &RedisCluster{t: t}
	for range clusterNodes {
		// The port on which nodes talk is by default the other + 10,000, which may be beyond 65,535.
		bus, err := holdPort()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(bus.release)
		c.nodes = append(c.nodes, NewRedisServer(t, append([]string{"--cluster-enabled", "yes",
			"--cluster-port", bus.String(), "--cluster-node-timeout", "1000"}, args...)...))
	}
	ctx, cancel := context.WithTimeout(context.Background(), clusterForm)
	defer cancel()
	if err := c.join(ctx); err != nil {
		t.Fatalf("join the cluster: %v", err)
	}
	c.WaitOK()
	return c
}

// URL returns the nodes as REDIS_URL lists them.
func (c *RedisCluster) URL() string { return strings.Join(c.Addrs(), ",") }

// Addrs returns host:port of the nodes.
func (c *RedisCluster) Addrs() []string {
	var addrs []string
	for _, node := range c.nodes {
		addrs = append(addrs, node.Addr())
	}
	return addrs
}

// Node returns a node, from 0. A second after its Kill the others know that it is down, and without
// "--cluster-require-full-coverage", "no" they answer nothing but Pub/Sub from then on. After Restart it is empty and has its
// slots, but the others may not have accepted it yet.
func (c *RedisCluster) Node(i int) *RedisServer { return c.nodes[i] }

// WaitOK returns when all nodes agree that all slots are served.
func (c *RedisCluster) WaitOK() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), clusterForm)
	defer cancel()
	if err := poll(ctx, c.agrees); err != nil {
		c.t.Fatalf("the nodes do not agree: %v\n%s", err, serviceLog(c.nodes[0].dir))
	}
}

// Move gives a slot, which must hold no key, to a node.
func (c *RedisCluster) Move(slot, to int) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), clusterForm)
	defer cancel()
	var id string
	err := c.nodes[to].do(ctx, func(node *redis.Client) (err error) {
		id, err = node.ClusterMyID(ctx).Result()
		return err
	})
	// The new owner first: otherwise the slot would have no owner for a moment.
	for _, node := range append([]*RedisServer{c.nodes[to]}, c.nodes...) {
		err = errors.Join(err, node.do(ctx, func(node *redis.Client) error {
			return node.Do(ctx, "CLUSTER", "SETSLOT", slot, "NODE", id).Err()
		}))
	}
	if err != nil {
		c.t.Fatalf("move slot %d: %v", slot, err)
	}
}

// join gives each node its share of the slots and makes the first one introduce all to each other.
func (c *RedisCluster) join(ctx context.Context) error {
	for i, node := range c.nodes {
		first, last := share(i), share(i+1)-1
		err := node.do(ctx, func(client *redis.Client) error {
			_, err := client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
				pipe.Do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", i+1) // else they would collide and settle one by one
				pipe.ClusterAddSlotsRange(ctx, first, last)
				for _, other := range c.nodes[:i] {
					pipe.Do(ctx, "CLUSTER", "MEET", "127.0.0.1", other.port.String(), other.args[3])
				}
				return nil
			})
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// share is the first slot of node i.
func share(i int) int { return (i*clusterSlots + clusterNodes - 1) / clusterNodes }

func (c *RedisCluster) agrees(ctx context.Context) error {
	for _, node := range c.nodes {
		err := node.do(ctx, func(client *redis.Client) error {
			info, err := client.ClusterInfo(ctx).Result()
			if err != nil {
				return err
			}
			for _, want := range []string{"cluster_state:ok", fmt.Sprint("cluster_slots_ok:", clusterSlots), fmt.Sprint("cluster_known_nodes:", clusterNodes)} {
				if !strings.Contains(info, want+"\r") {
					return fmt.Errorf("node %s does not say %s", node.Addr(), want)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// do sends commands to this very server, over a connection of its own that is closed afterwards.
func (s *RedisServer) do(ctx context.Context, talk func(*redis.Client) error) error {
	client := redis.NewClient(&redis.Options{Addr: s.Addr(), MaxRetries: -1, DisableIdentity: true, PoolSize: 1})
	defer func() { _ = client.Close() }()
	if err := client.Ping(ctx).Err(); err != nil {
		return err
	}
	return talk(client)
}
