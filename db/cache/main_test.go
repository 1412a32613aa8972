package cache

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"go.uber.org/goleak"

	"studychat/redisconn"
	"studychat/test/services"
)

func TestMain(m *testing.M) {
	redis.SetLogger(silence{})
	goleak.VerifyTestMain(m)
}

// silence keeps the client from logging every refusal that a test asks for.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// blackHole is an address that neither accepts nor refuses.
const blackHole = "blackhole:6379"

// dial makes a client that is tuned like the real one.
func dial(t testing.TB, addr string) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{
		Addr: addr, MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true, DisableIdentity: true, PipelinePoolSize: -1,
		DialTimeout: 200 * time.Millisecond, ReadTimeout: 50 * time.Millisecond, WriteTimeout: 50 * time.Millisecond,
		PoolTimeout: 50 * time.Millisecond, PoolSize: 16,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		Dialer: redisconn.EachTry(func(ctx context.Context, network, addr string) (net.Conn, error) {
			if addr == blackHole {
				<-ctx.Done()
				return nil, os.ErrDeadlineExceeded
			}
			return new(net.Dialer).DialContext(ctx, network, addr)
		}),
		OnConnect: redisconn.Prove,
	})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// tuning is what a test changes of a guard and of the health that it goes by. By default a call may take long: a busy machine must
// not look like a Redis that hangs.
type tuning struct {
	Timeout, ProbeEvery time.Duration
	MarkTTL             time.Duration
	MaxPending          int
}

// testHandle makes a handle, whose health is not watched before the guard is started.
func testHandle(t testing.TB, client redis.UniversalClient, prefix string, o tuning) redisconn.Handle {
	o.Timeout = cmp.Or(o.Timeout, 5*time.Second)
	health := redisconn.NewHealth(client, testLog(t))
	health.Timeout, health.ProbeEvery = o.Timeout, cmp.Or(o.ProbeEvery, redisconn.ProbeEvery)
	return redisconn.Handle{Client: client, Names: redisconn.NewNamespace(prefix), Health: health}
}

func testLog(t testing.TB) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }

// newGuard makes a guard of the one database that all instances of a test share.
func newGuard(t testing.TB, client redis.UniversalClient, o tuning) *Guard {
	t.Helper()
	return NewGuard(testHandle(t, client, "test", o), GuardOptions{MarkTTL: o.MarkTTL, MaxPending: o.MaxPending, Log: testLog(t)})
}

// outage is a hook that refuses what is asked while it is on.
type outage struct{ on atomic.Bool }

var errOutage = errors.New("connection refused")

func (o *outage) DialHook(next redis.DialHook) redis.DialHook { return next }

func (o *outage) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if o.on.Load() {
			return errOutage
		}
		return next(ctx, cmd)
	}
}

func (o *outage) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if o.on.Load() {
			return errOutage
		}
		return next(ctx, cmds)
	}
}

// state is "ok", or "degraded" while Redis is not used.
func (g *Guard) state() string {
	if !g.link.Health.OK() {
		return "degraded"
	}
	return "ok"
}

// dialPatient makes a client whose only deadline is the context's.
func dialPatient(t testing.TB, addr string) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true, DisableIdentity: true, PipelinePoolSize: -1,
		Dialer:                   redisconn.EachTry(new(net.Dialer).DialContext),
		OnConnect:                redisconn.Prove,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func newRedis(t testing.TB, args ...string) *services.RedisServer {
	t.Helper()
	return services.NewRedisServer(t, args...)
}

// commandLog is a hook that remembers the commands of a client, a pipeline as one entry.
type commandLog struct {
	mu       sync.Mutex
	requests [][]string
}

func (l *commandLog) add(cmds ...redis.Cmder) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var names []string
	for _, cmd := range cmds {
		names = append(names, cmd.Name())
	}
	l.requests = append(l.requests, names)
}

// take returns what was logged since the last take.
func (l *commandLog) take() [][]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	requests := l.requests
	l.requests = nil
	return requests
}

// aboutConnections reports whether a command is of a new connection, or of the keeper.
func aboutConnections(cmd redis.Cmder) bool {
	return slices.Contains([]string{"hello", "client", "ping"}, cmd.Name())
}

func (l *commandLog) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (l *commandLog) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if !aboutConnections(cmd) {
			l.add(cmd)
		}
		return next(ctx, cmd)
	}
}

func (l *commandLog) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if !slices.ContainsFunc(cmds, aboutConnections) {
			l.add(cmds...)
		}
		return next(ctx, cmds)
	}
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
