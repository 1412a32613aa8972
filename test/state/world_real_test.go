package state

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"studychat/db"
	"studychat/db/sqlstore"
	"studychat/events"
	"studychat/events/redisbus"
	"studychat/redisconn"
	"studychat/test/services"
)

// realWorld is a redis-server and a PostgreSQL database of the run's own.
type realWorld struct {
	t       *testing.T
	server  *realRedis
	url     string
	waits   time.Duration // of a cache's request
	clients []redis.UniversalClient
}

// realRedis counts the lives of a redis-server.
type realRedis struct {
	*services.RedisServer
	life   atomic.Int64
	client redis.UniversalClient
}

func (r *realRedis) lives() int64 { return r.life.Load() }
func (r *realRedis) flush() error { return r.client.FlushAll(context.Background()).Err() }

func (r *realRedis) Kill() {
	r.life.Add(1)
	r.RedisServer.Kill()
}

func newRealWorld(t *testing.T, k kind) *realWorld {
	t.Helper()
	w := &realWorld{t: t, url: services.Postgres(t), server: &realRedis{RedisServer: services.NewRedisServer(t)}, waits: 2 * time.Second}
	if k == frozen { // the fault of these runs; in the others a busy machine must not look like it
		w.waits = 250 * time.Millisecond
	}
	w.server.client = w.client()
	store, err := sqlstore.Open(t.Context(), w.url, sqlstore.OpenOptions{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := store.MigrateUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *realWorld) redis() service         { return w.server }
func (w *realWorld) timeout() time.Duration { return w.waits }
func (w *realWorld) unit() time.Duration    { return 200 * time.Microsecond }
func (w *realWorld) memory() bool           { return false }

func (w *realWorld) client(hooks ...redis.Hook) redis.UniversalClient {
	client := redis.NewClient(&redis.Options{Addr: w.server.Addr(), MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true,
		DisableIdentity: true, PipelinePoolSize: -1, Dialer: redisconn.EachTry(new(net.Dialer).DialContext),
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}})
	for _, hook := range hooks {
		client.AddHook(hook)
	}
	w.clients = append(w.clients, client)
	return client
}

func (w *realWorld) bus() events.Bus {
	client, log := w.client(), slog.New(slog.DiscardHandler)
	health := redisconn.NewHealth(client, log) // it does not probe, so that the bus sees for itself
	return redisbus.New(redisconn.Handle{Client: client, Names: redisconn.NewNamespace("test"), Health: health}, log)
}

func (w *realWorld) store(guard db.WriteGuard) store {
	s, err := sqlstore.Open(context.Background(), w.url, sqlstore.OpenOptions{Guard: guard, MaxConns: 8, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		w.t.Error(err)
	}
	return store{
		Repository: s,
		seenEpoch:  s.SeenEpoch,
		databaseID: func() (string, error) { return s.DatabaseID(context.Background()) },
		Reporter:   s,
		startPulse: func(changed func(db.Pulse)) (stop func()) { return s.StartPulse(context.Background(), changed) },
		close:      func() { _ = s.Close() },
		// By time and not by number, as an operator does: what happened in all chats before a moment of this run.
		prune: func(ctx context.Context, chatID string, floor int64) error {
			log, err := s.Log(ctx, chatID, floor, 1)
			if err != nil || len(log.Events) == 0 {
				return nil //nolint:nilerr // the chat is not committed yet
			}
			_, err = s.Prune(ctx, log.Events[0].At)
			return err
		},
	}
}

func (w *realWorld) bumpEpoch(ctx context.Context) error {
	store := w.store(db.NoGuard{})
	defer store.close()
	_, _, err := store.Repository.(*sqlstore.Store).BumpEpoch(ctx)
	return err
}

func (w *realWorld) close() {
	for _, client := range w.clients {
		_ = client.Close()
	}
}

// realSeeds is how many runs there are on real servers: some seconds each.
const realSeeds = 6

func TestStateOnRealServers(t *testing.T) {
	t.Parallel()
	for _, seed := range seeds(t, realSeeds) {
		t.Run(fmt.Sprint("seed", seed), func(t *testing.T) {
			t.Parallel()
			r := newRun(seed, newRealWorld(t, kind(seed%uint64(numberOfKinds))), realParts())
			r.play()
			r.report(t, r.hist.validate(r.kind == lossy))
			t.Logf("%s Redis, %s: %+v", r.kind, time.Since(r.hist.started).Round(time.Millisecond), r.stats)
		})
	}
}
