package rate

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"go.uber.org/goleak"

	"studychat/redisconn"
)

func TestMain(m *testing.M) {
	redis.SetLogger(silence{})
	goleak.VerifyTestMain(m)
}

// silence keeps the client from logging every refusal that a test asks for.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

func testLog(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}

// dial makes a client that is tuned like the real one.
func dial(t testing.TB, addr string) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{
		Addr: addr, MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true, DisableIdentity: true, PipelinePoolSize: -1,
		DialTimeout: 200 * time.Millisecond, ReadTimeout: 50 * time.Millisecond, WriteTimeout: 50 * time.Millisecond,
		PoolTimeout: 50 * time.Millisecond, PoolSize: 16,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		Dialer:                   redisconn.EachTry(new(net.Dialer).DialContext),
	})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// dialPatient makes a client whose only deadline is the context's.
func dialPatient(t testing.TB, addr string) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1, ContextTimeoutEnabled: true, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// newRedis makes a limiter as the program does, for tests that break something.
func newRedis(t testing.TB, client redis.UniversalClient) *Redis {
	t.Helper()
	return newTuned(t, client, redisconn.CallTimeout)
}

// newTuned makes a limiter whose calls may take so long.
func newTuned(t testing.TB, client redis.UniversalClient, timeout time.Duration) *Redis {
	t.Helper()
	health := redisconn.NewHealth(client, testLog(t))
	health.Timeout = timeout
	health.Start(context.Background())
	t.Cleanup(health.Stop)
	r := NewRedis(redisconn.Handle{Client: client, Names: redisconn.NewNamespace("test"), Health: health}, NewMemory())
	t.Cleanup(r.Stop)
	return r
}

// open says whether the limiter counts by itself.
func (r *Redis) open() bool { return !r.redis.Health.Usable() }

// newPatient is for tests that check what Redis does: a busy machine must not look like a Redis that hangs, and whatever
// the fallback decides after all is a failure.
func newPatient(t testing.TB, client redis.UniversalClient) *Redis {
	t.Helper()
	r := newTuned(t, client, 10*time.Second)
	t.Cleanup(func() {
		if r.open() {
			t.Error("Redis failed: the test has shown nothing about it")
		}
	})
	return r
}

// sleep is free in a bubble of testing/synctest.
func sleep(d time.Duration) { <-time.After(d) }

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

// keyPrefix begins the keys of the limiters of these tests.
var keyPrefix = redisconn.NewNamespace("test").Keys().Rate("")
