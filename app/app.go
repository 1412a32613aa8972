package app

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"studychat/config"
	"studychat/graph"
	"studychat/metrics"
	"studychat/traces"
	"studychat/transport"
	"studychat/web"
)

// Time limits of start and stop. The whole stop takes less than the promised 20 s.
const (
	drainTimeout = 8 * time.Second // to disconnect streams, in waves over about 2 s; their clients have 5 s to answer the close
	stopTimeout  = 7 * time.Second // for running requests to end
)

// app is the running program.
type app struct {
	log       *slog.Logger
	level     *slog.LevelVar  // of log
	sources   metrics.Sources // filled as the parts start
	traces    *traces.Traces  // nil: nothing is traced
	transport *transport.Transport
	server    *http.Server
	listener  net.Listener
	reload    func()         // on SIGHUP
	delay     time.Duration  // between failing readiness and the rest of stop
	stops     []func() error // called from the last to the first
}

// newApp starts everything. If a part fails to start, it stops those that were started before.
func newApp(ctx context.Context, settings config.Settings, level *slog.LevelVar, log *slog.Logger) (*app, error) {
	a := &app{log: log, level: level, reload: func() {}, delay: settings.HTTP.ShutdownDelay}
	if err := a.start(ctx, settings); err != nil {
		return nil, errors.Join(err, a.unwind())
	}
	return a, nil
}

func (a *app) start(ctx context.Context, settings config.Settings) error {
	if err := a.startTraces(ctx, settings.Traces); err != nil {
		return err
	}
	remote := a.openRedis(ctx, settings)
	store, err := a.openStore(ctx, settings, remote)
	if err != nil {
		return err
	}
	repo, hub, err := a.startLive(ctx, store, remote, settings)
	if err != nil {
		return err
	}
	verifier, err := a.newVerifier(settings, store.Now)
	if err != nil {
		return err
	}
	executor := graph.NewExecutor(&graph.Resolver{Repo: repo, Live: hub, Log: a.log}, a.edgeOptions(settings, remote))
	options := transport.Options{
		Executor:       executor,
		Verifier:       verifier,
		AllowedOrigins: settings.HTTP.AllowedOrigins,
		TrustedProxies: settings.HTTP.Proxies,
		LocalOnly:      !settings.Auth.Enabled(),
		Connections:    settings.Limits.Connections,
		Pages:          web.Pages(web.Options{Schema: settings.Documents.Introspection != "off", SignIn: settings.Auth.SignIn}),
		Ready:          readiness(store, remote),
		Overloaded:     store.Overloaded,
		Log:            a.log,
	}
	if settings.Auth.Enabled() {
		options.PerUser, options.PerAddress = settings.Limits.ConnectionsPerUser, settings.Limits.ConnectionsPerAddress
	}
	a.traceOperations(&options)
	a.transport = transport.New(options)
	a.sources.Edge = metrics.Edge{Stats: a.transport.Stats(), Errors: executor.Errors, Connections: a.transport.Inspector()}
	if err := a.startAdmin(ctx, settings.HTTP); err != nil {
		return err
	}
	return a.bind(ctx, settings)
}

// onStop registers how to stop the part that was just started.
func (a *app) onStop(stop func() error) { a.stops = append(a.stops, stop) }

// listen serves until stop. The channel receives an error if serving fails before that.
func (a *app) listen() <-chan error {
	scheme, serve := "http", a.server.Serve
	if a.server.TLSConfig != nil {
		scheme, serve = "https", func(l net.Listener) error { return a.server.ServeTLS(l, "", "") }
	}
	a.log.Info("listening", "addr", a.listener.Addr().String(), "page", scheme+"://"+a.listener.Addr().String()+"/")
	failed := make(chan error, 1)
	go func() {
		if err := serve(a.listener); !errors.Is(err, http.ErrServerClosed) {
			failed <- err
		}
	}()
	return failed
}

// stop ends everything in an order that loses nothing. Readiness fails first, and load balancers have SHUTDOWN_DELAY to notice. Then
// new streams are refused and open ones disconnected, so that clients resume on other instances. Running requests end next, then
// the parts that they use, from the top down.
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

// unwind stops all parts, the last one first.
func (a *app) unwind() error {
	var all []error
	for i := len(a.stops) - 1; i >= 0; i-- {
		all = append(all, a.stops[i]())
	}
	a.stops = nil
	return errors.Join(all...)
}

// bind opens the listener.
func (a *app) bind(ctx context.Context, settings config.Settings) error {
	a.server = a.transport.Server()
	if settings.HTTP.Certificate != nil {
		c := newCertificate(settings.HTTP.TLSCert, settings.HTTP.TLSKey, settings.HTTP.Certificate, a.log)
		a.server.TLSConfig, a.reload = &tls.Config{GetCertificate: c.get, MinVersion: tls.VersionTLS12}, c.reload
	}
	var err error
	a.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", settings.HTTP.Addr)
	return err
}
