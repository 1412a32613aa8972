package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"studychat/config"
	"studychat/db"
	"studychat/db/cache"
	"studychat/db/sqlstore"
	"studychat/events"
	"studychat/events/hub"
	"studychat/events/redisbus"
	"studychat/graph"
	"studychat/redisconn"
	"studychat/transport"
	"studychat/web"
)

// Times of start and stop. Together the stops stay below the 20 s that are promised.
const (
	startTimeout = 30 * time.Second // for the database to answer and the migrations to run
	drainTimeout = 8 * time.Second  // for streams to be cut in waves of about 2 s: their clients have 5 s to answer the close
	stopTimeout  = 7 * time.Second  // for running requests to end
)

// app is the running program: everything that has to be stopped, in the order in which it was started.
type app struct {
	log       *slog.Logger
	transport *transport.Transport
	server    *http.Server
	listener  net.Listener
	delay     time.Duration  // between falling readiness and the rest of stop
	stops     []func() error // run from the last to the first
}

// newApp starts everything. When it fails, what was started before is stopped.
func newApp(ctx context.Context, settings config.Settings, log *slog.Logger) (*app, error) {
	a := &app{log: log, delay: settings.HTTP.ShutdownDelay}
	if err := a.start(ctx, settings); err != nil {
		return nil, errors.Join(err, a.unwind())
	}
	return a, nil
}

func (a *app) start(ctx context.Context, settings config.Settings) error {
	remote := a.openRedis(ctx, settings)
	store, err := a.openStore(ctx, settings, remote.guard())
	if err != nil {
		return err
	}
	if remote.conn != nil {
		id, err := store.DatabaseID(ctx)
		if err != nil {
			return fmt.Errorf("database: %w", err)
		}
		remote.conn.Cache.Names.Use(id)
	}
	repo, hub, err := a.startLive(ctx, store, remote, settings)
	if err != nil {
		return err
	}
	verifier, err := a.newVerifier(settings, store.Now)
	if err != nil {
		return err
	}
	options := transport.Options{
		Executor:       graph.NewExecutor(&graph.Resolver{Repo: repo, Live: hub, Log: a.log}, a.edgeOptions(settings, remote)),
		Verifier:       verifier,
		AllowedOrigins: settings.HTTP.AllowedOrigins,
		TrustedProxies: settings.HTTP.Proxies,
		LocalOnly:      !settings.Auth.Enabled(),
		Playground:     web.Playground(web.Options{Schema: settings.Documents.Introspection != "off"}),
		Ready:          readiness(store, remote),
		Log:            a.log,
	}
	if settings.Auth.Enabled() {
		options.PerUser, options.PerAddress = settings.Limits.ConnectionsPerUser, settings.Limits.ConnectionsPerAddress
	}
	a.transport = transport.New(options)
	return a.bind(ctx, settings)
}

// bind takes the address.
func (a *app) bind(ctx context.Context, settings config.Settings) error {
	a.server = a.transport.Server()
	if settings.HTTP.Certificate != nil {
		a.server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*settings.HTTP.Certificate}, MinVersion: tls.VersionTLS12}
	}
	var err error
	a.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", settings.HTTP.Addr)
	return err
}

// onStop remembers how to stop what was just started.
func (a *app) onStop(stop func() error) { a.stops = append(a.stops, stop) }

// remote is what there is with Redis and not without.
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

// openRedis never fails: a Redis that is down at start is the same as one that dies later.
func (a *app) openRedis(ctx context.Context, settings config.Settings) remote {
	if settings.Redis.Server == nil {
		a.log.Info("No Redis configured: memory bus, no cache")
		return remote{}
	}
	r := remote{conn: redisconn.Open(ctx, *settings.Redis.Server, settings.Redis.Prefix, a.log)}
	a.onStop(r.conn.Close)
	r.guardian = cache.NewGuard(r.conn.Cache, cache.GuardOptions{Log: a.log})
	r.guardian.Start(context.WithoutCancel(ctx))
	a.onStop(func() error { r.guardian.Stop(); return nil })
	return r
}

func (a *app) openStore(ctx context.Context, settings config.Settings, guard db.WriteGuard) (*sqlstore.Store, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	store, err := openWhenUp(ctx, settings.Database.URL, sqlstore.OpenOptions{Guard: guard, MaxConns: settings.Database.Conns, Log: a.log}, a.log)
	if err != nil {
		if path, ok := strings.CutPrefix(settings.Database.URL, "sqlite:"); ok {
			return nil, fmt.Errorf("database %s: %w", path, err)
		}
		return nil, fmt.Errorf("database: %w", err)
	}
	a.onStop(store.Close)
	about := store.Describe()
	a.log.Info(about.Product+" connection successful", "address", about.Address, "version", about.Version)
	applied, err := store.MigrateUp(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	a.log.Info("Schema is up to date", "applied", len(applied))
	epoch, _, err := store.CheckEpoch(ctx)
	if err != nil {
		return nil, fmt.Errorf("epoch: %w", err)
	}
	a.log.Info("Epoch of all cursors", "epoch", epoch)
	stop := upkeep{store: store, retention: settings.Database.Retention(), log: a.log}.start(context.WithoutCancel(ctx))
	a.onStop(func() error { stop(); return nil })
	return store, nil
}

// openWhenUp tries again while PostgreSQL does not answer: it may be starting beside us. A file that cannot be opened stays
// that way.
func openWhenUp(ctx context.Context, url string, opts sqlstore.OpenOptions, log *slog.Logger) (*sqlstore.Store, error) {
	for {
		store, err := sqlstore.Open(ctx, url, opts)
		if db.CodeOf(err) != db.CodeUnavailable || !strings.HasPrefix(url, "postgres") {
			return store, err
		}
		log.Warn("The database does not answer yet", "err", err)
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(time.Second):
		}
	}
}

// startLive stacks the decorators, publish(cache(store)), and starts the hub on them.
func (a *app) startLive(ctx context.Context, store *sqlstore.Store, r remote, settings config.Settings) (db.Repository, *hub.Hub, error) {
	bus, registry := events.NewMemoryBus(), events.Registry(events.NewMemoryRegistry())
	if r.conn != nil {
		bus = redisbus.New(r.conn.Bus, a.log)
		registry = redisbus.NewRegistry(r.conn.Bus, store.Now, a.log)
	}
	hub := hub.New(store, bus, registry, a.log)
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

	var repo db.Repository = store
	if r.guardian != nil {
		cached := cache.New(store, r.guardian, cache.Options{TTL: settings.Redis.TTL, MinVersion: hub.Seen, MinEpoch: store.SeenEpoch})
		a.onStop(func() error { cached.Stop(); return nil })
		repo = cached
	}
	return events.NewPublisher(repo, bus, a.log), hub, nil
}

// listen serves until stop; the channel tells if serving fails by itself.
func (a *app) listen() <-chan error {
	scheme := "http"
	if a.server.TLSConfig != nil {
		scheme = "https"
	}
	a.log.Info("listening", "addr", a.listener.Addr().String(), "playground", scheme+"://"+a.listener.Addr().String()+"/playground")
	failed := make(chan error, 1)
	go func() {
		serve := func() error { return a.server.Serve(a.listener) }
		if a.server.TLSConfig != nil {
			serve = func() error { return a.server.ServeTLS(a.listener, "", "") }
		}
		if err := serve(); !errors.Is(err, http.ErrServerClosed) {
			failed <- err
		}
	}()
	return failed
}

// stop ends in the order that loses nothing: first readiness falls, and a balancer has SHUTDOWN_DELAY to notice; then nobody is let in and streams are cut, so that clients resume
// elsewhere; then running requests end; then what they stand on, from the top down.
func (a *app) stop() error {
	a.transport.Leave()
	<-time.After(a.delay)
	draining, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	drained := a.transport.Drain(draining)

	stopping, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	stopped := a.server.Shutdown(stopping)
	if stopped != nil {
		stopped = errors.Join(stopped, a.server.Close())
	}
	err := errors.Join(drained, stopped, a.unwind())
	a.log.Info("stopped")
	return err
}

// unwind stops what was started, the last first.
func (a *app) unwind() error {
	var all []error
	for i := len(a.stops) - 1; i >= 0; i-- {
		all = append(all, a.stops[i]())
	}
	a.stops = nil
	return errors.Join(all...)
}
