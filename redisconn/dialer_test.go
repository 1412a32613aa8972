package redisconn

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"studychat/test/services"
)

func TestEachTryReallyDials(t *testing.T) {
	t.Parallel()
	for name, plain := range map[string]bool{"EachTry": false, "control: go-redis as it comes": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := services.NewRedisServer(t)
			client := dialPatient(t, server.Addr())
			if plain {
				client = redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1, DialerRetries: 1, PoolSize: 16})
				t.Cleanup(func() { _ = client.Close() })
			}
			server.Kill()
			for range 100 {
				if err := client.Ping(t.Context()).Err(); !errors.Is(err, syscall.ECONNREFUSED) || IsTimeout(err) {
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

// Dials that hang end when nobody waits for them any more, and leave connections that are broken in the pool.
func TestABlackHoleLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	var open atomic.Bool
	var hanging atomic.Int64
	client := redis.NewClient(&redis.Options{
		Addr: server.Addr(), MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true, DisableIdentity: true, PipelinePoolSize: -1,
		DialTimeout: 20 * time.Millisecond, PoolSize: 16,
		Dialer: EachTry(func(ctx context.Context, network, addr string) (net.Conn, error) {
			if open.Load() {
				return new(net.Dialer).DialContext(ctx, network, addr)
			}
			hanging.Add(1)
			defer hanging.Add(-1)
			<-ctx.Done()
			return nil, os.ErrDeadlineExceeded
		}),
	})
	t.Cleanup(func() { _ = client.Close() })
	var readers sync.WaitGroup
	for range 16 {
		readers.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
			defer cancel()
			if err := client.Get(ctx, "key").Err(); err == nil {
				t.Error("answered")
			}
		})
	}
	readers.Wait()
	eventually(t, "broken connections wait in the pool", func() bool { return hanging.Load() == 0 && client.PoolStats().IdleConns > 3 })
	left := client.PoolStats().IdleConns
	open.Store(true)
	failures := 0
	for client.Ping(t.Context()).Err() != nil {
		failures++
	}
	// A dial may end only now, and its connection be handed to the next caller.
	if failures > 2 {
		t.Errorf("with %d connections left over, %d requests failed after the return", left, failures)
	}
}

// letNobodyIn has Redis ask for a password from now on. It returns the one connection that the client has, busy.
func letNobodyIn(t *testing.T, client *redis.Client) *redis.Conn {
	t.Helper()
	busy := client.Conn()
	if err := errors.Join(busy.Ping(t.Context()).Err(), busy.ConfigSet(t.Context(), "requirepass", "of late").Err()); err != nil {
		t.Fatal(err)
	}
	return busy
}

func TestAConnectionThatIsNotLetInDoesNotComeIntoThePool(t *testing.T) {
	t.Parallel()
	for name, proven := range map[string]bool{"proven": true, "control: go-redis as it comes": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := dialPatient(t, services.NewRedisServer(t).Addr())
			if !proven {
				client.Options().OnConnect = nil
			}
			busy := letNobodyIn(t, client)
			if err := client.Ping(t.Context()).Err(); !IsRefusal(err) {
				t.Fatalf("a new connection: %v", err)
			}
			if n := client.PoolStats().TotalConns; proven != (n == 1) {
				t.Errorf("%d connections, the busy one among them", n)
			}
			if err := busy.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// dialPatient makes a client whose only deadline is the context's.
func dialPatient(t testing.TB, addr string) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true, DisableIdentity: true, PipelinePoolSize: -1,
		Dialer:                   EachTry(new(net.Dialer).DialContext),
		OnConnect:                Prove,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// eventually polls until check holds.
func eventually(t testing.TB, what string, check func() bool) {
	t.Helper()
	deadline := time.After(15 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !check() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("did not happen: %s", what)
		}
	}
}
