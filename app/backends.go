package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"studychat/config"
	"studychat/db"
	"studychat/db/cache"
	"studychat/db/sqlstore"
	"studychat/events"
	"studychat/events/hub"
	"studychat/events/redisbus"
	"studychat/redisconn"
)

// remote is what exists only with Redis.
type remote struct {
	conn     *redisconn.Conn // nil without Redis
	guardian *cache.Guard
}

func (r remote) guard() db.WriteGuard {
	if r.guardian == nil {
		return db.NoGuard{}
	}
	return r.guardian
}

// openRedis never fails: a Redis that is down at start is treated like one that dies later.
func (a *app) openRedis(ctx context.Context, settings config.Settings) remote {
	if settings.Redis.Server == nil {
		a.log.Info("No Redis configured: memory bus, no cache")
		return remote{}
	}
	r := remote{conn: redisconn.Open(ctx, *settings.Redis.Server, settings.Redis.Prefix, a.log)}
	a.onStop(r.conn.Close)
	a.traceRedis(r)
	r.guardian = cache.NewGuard(r.conn.Cache, cache.GuardOptions{Log: a.log})
	a.sources.Database.Redis = r.conn
	a.sources.Redis.Conn, a.sources.Redis.Guard = r.conn, r.guardian
	r.guardian.Start(context.WithoutCancel(ctx))
	a.onStop(func() error { r.guardian.Stop(); return nil })
	return r
}

func (a *app) openStore(ctx context.Context, settings config.Settings, r remote) (*sqlstore.Store, error) {
	store, err := a.openWhenUp(ctx, settings.Database, r.guard())
	if err != nil {
		if path, ok := strings.CutPrefix(settings.Database.URL, "sqlite:"); ok {
			return nil, fmt.Errorf("database %s: %w", path, err)
		}
		return nil, fmt.Errorf("database: %w", err)
	}
	a.onStop(store.Close)
	a.sources.Database.Store = store
	about := store.Describe()
	a.log.Info(about.Product+" connection successful", "address", about.Address, "version", about.Version)
	if settings.Auth.Enabled() && settings.Database.ByDefault() {
		a.log.Warn("DATABASE_URL is not set: all is stored in a SQLite file of this machine", "address", about.Address)
	}
	if err := a.prepareSchema(ctx, store, settings.Database.Migrations); err != nil {
		return nil, err
	}
	if err := a.identify(ctx, store, r); err != nil {
		return nil, err
	}
	stop := upkeep{store: store, retention: settings.Database.Retention(), log: a.log}.start(context.WithoutCancel(ctx))
	a.onStop(func() error { stop(); return nil })
	return store, nil
}

// identify reads the epoch, and what the names in Redis begin with.
func (a *app) identify(ctx context.Context, store *sqlstore.Store, r remote) error {
	ctx, cancel := context.WithTimeout(ctx, epochTimeout)
	defer cancel()
	epoch, _, err := store.CheckEpoch(ctx)
	if err != nil {
		return fmt.Errorf("epoch: %w", err)
	}
	a.log.Info("Epoch of all cursors", "epoch", epoch)
	if r.conn != nil { // before anything writes: a write marks keys of the database
		id, err := store.DatabaseID(ctx)
		if err != nil {
			return fmt.Errorf("database: %w", err)
		}
		r.conn.Cache.Names.Use(id)
	}
	return nil
}

// openWhenUp retries while PostgreSQL does not answer, since it may be starting too. A file that cannot be opened is an error at
// once.
func (a *app) openWhenUp(ctx context.Context, settings config.Database, guard db.WriteGuard) (*sqlstore.Store, error) {
	ctx, cancel := context.WithTimeout(ctx, settings.ConnectTimeout)
	defer cancel()
	opts := sqlstore.OpenOptions{Guard: guard, MaxConns: settings.Conns, MigrateTimeout: settings.MigrationTimeout, Log: a.log}
	a.traceStore(&opts)
	for {
		store, err := sqlstore.Open(ctx, settings.URL, opts)
		if db.CodeOf(err) != db.CodeUnavailable || !strings.HasPrefix(settings.URL, "postgres") {
			return store, err
		}
		a.log.Warn("The database does not answer yet", "error", err)
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(time.Second):
		}
	}
}

// startLive stacks the layers of the repository, publish(cache(store)), and starts the hub.
func (a *app) startLive(ctx context.Context, store *sqlstore.Store, r remote, settings config.Settings) (db.Repository, *hub.Hub, error) {
	bus, registry := events.NewMemoryBus(), events.Registry(events.NewMemoryRegistry())
	if r.conn != nil {
		bus = redisbus.New(r.conn.Bus, a.log)
		registry = redisbus.NewRegistry(r.conn.Bus, store.Now, a.log)
	}
	hub := hub.New(store, bus, registry, a.log)
	a.sources.Hub = hub
	if a.traces != nil {
		hub.Trace(a.traces.Delivered)
	}
	if err := hub.Start(context.WithoutCancel(ctx)); err != nil {
		return nil, nil, err
	}
	a.onStop(func() error { hub.Stop(); return nil })
	changed := func(db.Pulse) {}
	if r.guardian != nil {
		stopSharing := r.guardian.StartSharing(context.WithoutCancel(ctx), store)
		a.onStop(func() error { stopSharing(); return nil })
		changed = func(p db.Pulse) { hub.Hurry(r.guardian.Pulse(p)) }
	}
	stopPulse := store.StartPulse(context.WithoutCancel(ctx), changed)
	a.onStop(func() error { stopPulse(); return nil })
	stopWatch := store.StartWatch(context.WithoutCancel(ctx))
	a.onStop(func() error { stopWatch(); return nil })

	var repo db.Repository = store
	if r.guardian != nil {
		cached := cache.New(store, r.guardian, cache.Options{TTL: settings.Redis.TTL, MinVersion: hub.Seen, MinEpoch: store.SeenEpoch})
		a.onStop(func() error { cached.Stop(); return nil })
		a.sources.Redis.Cache = cached
		repo = cached
	}
	return events.NewPublisher(repo, bus, a.log), hub, nil
}
