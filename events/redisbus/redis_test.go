package redisbus

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"studychat/events/eventstest"
	"studychat/redisconn"
	"studychat/test/services"
)

// connector makes a client of some Redis.
type connector func(t *testing.T) redis.UniversalClient

// everyRedis runs a test over each way to run Redis, with one service each.
func everyRedis(t *testing.T, test func(t *testing.T, connect connector)) {
	for name, start := range map[string]func(t *testing.T) connector{
		"redis":          func(t *testing.T) connector { return to(services.NewRedisServer(t)) },
		"redis cluster":  func(t *testing.T) connector { return toCluster(services.NewRedisCluster(t)) },
		"redis sentinel": func(t *testing.T) connector { return toSentinel(services.NewRedisSentinel(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, start(t))
		})
	}
}

func to(server *services.RedisServer) connector {
	return func(t *testing.T) redis.UniversalClient { return testRedisClient(t, server.Addr()) }
}

func toCluster(cluster *services.RedisCluster) connector {
	return func(t *testing.T) redis.UniversalClient { return testClusterClient(t, cluster.Addrs()...) }
}

func toSentinel(sentinel *services.RedisSentinel) connector {
	return func(t *testing.T) redis.UniversalClient {
		o := testOptions(sentinel.Sentinel().Addr())
		o.MasterName = services.SentinelMaster
		return opened(t, redis.NewFailoverClient(o.Failover()))
	}
}

func testRedisClient(t *testing.T, addr string) *redis.Client {
	return opened(t, redis.NewClient(testOptions(addr).Simple()))
}

func testClusterClient(t *testing.T, addrs ...string) *redis.ClusterClient {
	return opened(t, redis.NewClusterClient(testOptions(addrs...).Cluster()))
}

// testOptions are those of the server's own client.
func testOptions(addrs ...string) *redis.UniversalOptions {
	return &redis.UniversalOptions{
		Addrs: addrs, DialTimeout: time.Second, ReadTimeout: time.Second, WriteTimeout: 250 * time.Millisecond,
		PoolTimeout: 250 * time.Millisecond, PoolSize: 16, PipelinePoolSize: -1,
		MaxRetries: -1, MinRetryBackoff: -1, MaxRetryBackoff: -1, DialerRetries: 1, ContextTimeoutEnabled: true, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		Dialer:                   redisconn.EachTry((&net.Dialer{Timeout: time.Second}).DialContext),
	}
}

func opened[C redis.UniversalClient](t *testing.T, client C) C {
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// namesOf returns names that only this test uses.
func namesOf(t *testing.T) *redisconn.Namespace { return redisconn.NewNamespace(t.Name()) }

// handle makes a handle with names that only this test uses, and a Health of its own. Its timeout is longer than in production,
// so that a busy machine does not look like an outage.
func handle(t *testing.T, client redis.UniversalClient) redisconn.Handle {
	return handleLogging(t, client, eventstest.Log(t))
}

func handleLogging(t *testing.T, client redis.UniversalClient, log *slog.Logger) redisconn.Handle {
	health := redisconn.NewHealth(client, log)
	health.Timeout = 150 * time.Millisecond
	health.Start(context.Background())
	t.Cleanup(health.Stop)
	return redisconn.Handle{Client: client, Names: namesOf(t), Health: health}
}
