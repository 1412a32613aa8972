package cache

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

	"studychat/redisconn"
)

func TestEachTryReallyDials(t *testing.T) {
	t.Parallel()
	for name, plain := range map[string]bool{"EachTry": false, "control: go-redis as it comes": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newRedis(t)
			client := dialPatient(t, server.Addr())
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

// Dials that hang end when nobody waits for them any more, and leave connections that are broken in the pool.
func TestABlackHoleLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	server, store := newRedis(t), newFakeStore()
	var open atomic.Bool
	var hanging atomic.Int64
	client := redis.NewClient(&redis.Options{
		Addr: server.Addr(), MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true, DisableIdentity: true, PipelinePoolSize: -1,
		DialTimeout: 20 * time.Millisecond, PoolSize: 16,
		Dialer: redisconn.EachTry(func(ctx context.Context, network, addr string) (net.Conn, error) {
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
	guard := NewGuard(client, testNames(), patient(GuardOptions{Timeout: 5 * time.Millisecond, ProbeEvery: time.Hour}, t))
	c := New(store, guard, Options{})
	t.Cleanup(c.Stop)
	chat := store.newChat("ann")
	var readers sync.WaitGroup
	for range 16 {
		readers.Go(func() {
			if _, err := c.Chat(t.Context(), "ann", chat.ID); err != nil {
				t.Error(err)
			}
		})
	}
	readers.Wait()
	eventually(t, "broken connections wait in the pool", func() bool { return hanging.Load() == 0 && client.PoolStats().IdleConns > 3 })
	left := client.PoolStats().IdleConns
	open.Store(true)
	guard.link.timeout = 5 * time.Second
	failures := 0
	for guard.link.ping(t.Context()) != nil {
		failures++
	}
	// A dial may end only now, and be handed to whoever asks next.
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
			client := dialPatient(t, newRedis(t).Addr())
			if !proven {
				client.Options().OnConnect = nil
			}
			busy := letNobodyIn(t, client)
			if err := client.Ping(t.Context()).Err(); !isRefusal(err) {
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

// The connections of before serve other instances, too: a mark that is given up leaves there what its write replaces.
func TestAMarkWaitsForAConnectionWhereNobodyNewIsLetIn(t *testing.T) {
	t.Parallel()
	store, client := newFakeStore(), dialPatient(t, newRedis(t).Addr())
	guard := NewGuard(client, testNames(), patient(GuardOptions{}, t))
	chat := store.newChat("ann", "bob")
	busy := letNobodyIn(t, client)
	client.AddHook(&onTry{n: maxTries + 2, do: func() { _ = busy.Close() }})
	store.send(t.Context(), guard, chat.ID)
	if got := guard.Stats(); got.MarkFailures != 0 || got.RedisFailures < maxTries+1 {
		t.Errorf("%+v", got)
	}
}

// onTry is a hook that does something before the pipeline of a number.
type onTry struct {
	n  int
	do func()
}

func (h *onTry) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (h *onTry) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (h *onTry) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if cmds[0].Name() == "evalsha" { // a connection's own are seen here, too
			if h.n--; h.n == 0 {
				h.do()
			}
		}
		return next(ctx, cmds)
	}
}
