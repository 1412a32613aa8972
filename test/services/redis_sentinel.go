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

// SentinelMaster is the name under which the sentinel of a RedisSentinel knows the master.
const SentinelMaster = "mymaster"

// sentinelTakes bounds how long the replica may take to follow, or the sentinel to promote it. Both take some 2 s.
const sentinelTakes = 40 * time.Second

// RedisSentinel is a master, a replica and a sentinel that promotes the replica when the master dies. One sentinel, not
// three: three need seconds more to find each other, and what they add is not tested here.
type RedisSentinel struct {
	t        testing.TB
	servers  [2]*RedisServer
	master   int
	sentinel *RedisServer
}

// NewRedisSentinel starts them; they end with the test.
func NewRedisSentinel(t testing.TB) *RedisSentinel {
	t.Helper()
	s := &RedisSentinel{t: t}
	s.servers[0] = NewRedisServer(t, "--repl-diskless-sync-delay", "0")
	s.servers[1] = NewRedisServer(t, "--repl-diskless-sync-delay", "0", "--replicaof", "127.0.0.1 "+s.servers[0].port.String())
	s.until("the replica follows", s.Synced)

	s.sentinel = newRedisServer(t, nil)
	s.sentinel.sentinel = strings.Join([]string{
		"sentinel monitor " + SentinelMaster + " 127.0.0.1 " + s.servers[0].port.String() + " 1",
		"sentinel down-after-milliseconds " + SentinelMaster + " 500",
		"sentinel failover-timeout " + SentinelMaster + " 5000", "",
	}, "\n")
	s.sentinel.start()
	s.until("the sentinel knows the replica", s.watched)
	return s
}

// URL returns the sentinel as REDIS_URL names it.
func (s *RedisSentinel) URL() string {
	return "redis+sentinel://" + s.sentinel.Addr() + "/" + SentinelMaster
}

// Sentinel returns the sentinel itself, to break it. Restarted, it has forgotten a failover.
func (s *RedisSentinel) Sentinel() *RedisServer { return s.sentinel }

// MasterAddr returns host:port of the server that is the master now.
func (s *RedisSentinel) MasterAddr() string { return s.servers[s.master].Addr() }

// KillMaster kills the master and returns when the replica has taken its place. It works once.
func (s *RedisSentinel) KillMaster() {
	s.t.Helper()
	s.servers[s.master].Kill()
	s.master = 1 - s.master
	s.until("the replica is promoted", s.promoted)
}

func (s *RedisSentinel) until(what string, check func(context.Context) error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), sentinelTakes)
	defer cancel()
	if err := poll(ctx, check); err != nil {
		s.t.Fatalf("not so: %s: %v", what, err)
	}
}

// WaitSynced returns when the replica has all that the master has.
func (s *RedisSentinel) WaitSynced() { s.t.Helper(); s.until("the replica has everything", s.Synced) }

// Synced returns an error while the replica lacks something that the master has.
func (s *RedisSentinel) Synced(ctx context.Context) error {
	var link, sent, got string
	err := s.servers[1].info(ctx, "Replication", "master_link_status", &link)
	err = errors.Join(err, s.servers[0].info(ctx, "Replication", "master_repl_offset", &sent))
	err = errors.Join(err, s.servers[1].info(ctx, "Replication", "slave_repl_offset", &got))
	if err == nil && (sent != got || link != "up") {
		err = fmt.Errorf("the link is %s, the master at %s, the replica at %s", link, sent, got)
	}
	return err
}

func (s *RedisSentinel) watched(ctx context.Context) error {
	return s.sentinel.do(ctx, func(client *redis.Client) error {
		info, err := client.Info(ctx, "sentinel").Result()
		if err == nil && (!strings.Contains(info, "status=ok") || !strings.Contains(info, "slaves=1")) {
			err = fmt.Errorf("the sentinel says %q", info)
		}
		return err
	})
}

func (s *RedisSentinel) promoted(ctx context.Context) error {
	var role string
	if err := s.servers[s.master].info(ctx, "Replication", "role", &role); err != nil {
		return err
	}
	return s.sentinel.do(ctx, func(client *redis.Client) error {
		addr, err := client.Do(ctx, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", SentinelMaster).StringSlice()
		if err == nil && (role != "master" || strings.Join(addr, ":") != s.MasterAddr()) {
			err = fmt.Errorf("the replica is a %s, the sentinel names %v", role, addr)
		}
		return err
	})
}

// info reads one field of INFO.
func (s *RedisServer) info(ctx context.Context, section, field string, value *string) error {
	return s.do(ctx, func(client *redis.Client) error {
		info := client.InfoMap(ctx, section)
		*value = info.Item(section, field)
		return info.Err()
	})
}
