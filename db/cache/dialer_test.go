package cache

import (
	"errors"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"
)

func TestEachTryReallyDials(t *testing.T) {
	t.Parallel()
	for name, plain := range map[string]bool{"EachTry": false, "control: go-redis as it comes": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newRedis(t)
			client := dial(t, server.Addr())
			if plain {
				client = redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1, DialerRetries: 1, PoolSize: 16})
				t.Cleanup(func() { _ = client.Close() })
			}
			server.Kill()
			for range 100 {
				if err := client.Ping(t.Context()).Err(); !errors.Is(err, syscall.ECONNREFUSED) || isTimeout(err) {
					t.Fatalf("got %v", err)
				}
			}
			server.Restart()
			err := client.Ping(t.Context()).Err()
			if !plain && err != nil {
				t.Errorf("Redis is back and the first try fails: %v", err)
			}
			if plain && err == nil {
				t.Error("go-redis dials at once by now: EachTry is not needed any more")
			}
		})
	}
}
