package services

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func client(t *testing.T, url string) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	options.MaxRetries = -1
	c := redis.NewClient(options)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestRedisIsEmptyAndSeparate(t *testing.T) {
	t.Parallel()
	if _, err := FindRedis(); err != nil {
		Missing(t, err) // TEST_REDIS_URL promises neither
	}
	one, two := client(t, Redis(t)), client(t, Redis(t))
	if err := one.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if n, err := one.DBSize(t.Context()).Result(); n != 1 || err != nil {
		t.Fatalf("the check cannot fail: %d keys, %v", n, err)
	}
	if n, err := two.DBSize(t.Context()).Result(); n != 0 || err != nil {
		t.Errorf("a new Redis holds %d keys, %v", n, err)
	}
}

func TestRedisServerComesBackEmptyOnTheSamePort(t *testing.T) {
	t.Parallel()
	ends := map[string]func(*RedisServer){
		"kill":     (*RedisServer).Kill,
		"shutdown": func(s *RedisServer) { s.down("TERM") },
		"restart":  func(*RedisServer) {},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := NewRedisServer(t)
			addr := s.Addr()
			if err := client(t, s.URL()).Set(t.Context(), "k", "v", 0).Err(); err != nil {
				t.Fatal(err)
			}
			end(s)
			if name != "restart" {
				wantRefused(t, addr)
			}
			s.Restart()
			if s.Addr() != addr {
				t.Errorf("was at %s, is at %s", addr, s.Addr())
			}
			if n, err := client(t, s.URL()).DBSize(t.Context()).Result(); n != 0 || err != nil {
				t.Errorf("%d keys after the restart, %v", n, err)
			}
		})
	}
}

func wantRefused(t *testing.T, addr string) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err == nil {
		_ = conn.Close()
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dialling a server that is down: %v, want connection refused", err)
	}
}

func TestRedisServerShutdownIsOrderly(t *testing.T) {
	t.Parallel()
	const farewell = "Redis is now ready to exit"
	s := NewRedisServer(t)
	s.Kill()
	if log := serviceLog(s.dir); strings.Contains(log, farewell) {
		t.Errorf("a killed server shut down in order:\n%s", log)
	}
	s.Restart()
	s.down("TERM")
	if log := serviceLog(s.dir); !strings.Contains(log, farewell) {
		t.Errorf("no orderly shutdown:\n%s", log)
	}
}

func TestRedisServerPause(t *testing.T) {
	t.Parallel()
	s := NewRedisServer(t)
	s.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := s.ping(ctx); err == nil {
		t.Error("a paused server answered")
	}
	s.Resume()
	if err := s.ping(t.Context()); err != nil {
		t.Errorf("after Resume: %v", err)
	}
}

func TestRedisServerEndsWhilePaused(t *testing.T) {
	t.Parallel()
	s := NewRedisServer(t)
	s.Pause()
	pid := s.running.pid
	s.Kill()
	if err := errIfAlive([]int{pid}); err != nil {
		t.Error(err)
	}
}

func TestRedisServerArguments(t *testing.T) {
	t.Parallel()
	s := NewRedisServer(t, "--maxmemory", "3mb")
	got, err := client(t, s.URL()).ConfigGet(t.Context(), "maxmemory").Result()
	if err != nil || got["maxmemory"] != "3145728" {
		t.Errorf("maxmemory is %v, %v", got, err)
	}
}
