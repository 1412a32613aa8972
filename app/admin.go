package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"studychat/config"
	"studychat/metrics"
	"studychat/transport"
	"studychat/transport/admission"
)

// Limits of the server for operators. A profile takes as long as it is asked for.
const (
	adminHeaderTimeout = 5 * time.Second
	adminStopTimeout   = time.Second // a profile that runs is cut
	maxLevelText       = 16          // bytes
)

// admin is the server for operators: it is off by default, asks for no token, and so listens on loopback unless the settings say otherwise.
type admin struct {
	log       *slog.Logger
	level     *slog.LevelVar
	transport *transport.Transport
	registry  *prometheus.Registry
}

// startAdmin serves until unwind, if the settings ask for it.
func (a *app) startAdmin(ctx context.Context, settings config.HTTP) error {
	if settings.AdminAddr == "" {
		return nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", settings.AdminAddr)
	if err != nil {
		return err
	}
	d := admin{a.log, a.level, a.transport, metrics.NewRegistry(a.sources)}
	server := &http.Server{Handler: d.handler(settings.AdminLoopback()), ReadHeaderTimeout: adminHeaderTimeout}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	a.onStop(func() error {
		stopping, cancel := context.WithTimeout(context.Background(), adminStopTimeout)
		defer cancel()
		if server.Shutdown(stopping) != nil {
			_ = server.Close()
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	a.log.Info("listening for operators", "admin_addr", listener.Addr().String())
	return nil
}

// handler is all routes. A page that somebody on this machine has open must not drain the server: requests that a browser marks as another
// page's are refused, and so is, on loopback, another host name than this machine's (DNS rebinding).
func (d admin) handler(loopback bool) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(d.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /log-level", d.showLevel)
	mux.HandleFunc("PUT /log-level", d.setLevel)
	mux.HandleFunc("POST /drain", d.drain)
	mux.Handle("GET /connections", d.transport.Inspector())
	mux.HandleFunc("GET /livez", transport.Livez)
	mux.HandleFunc("GET /readyz", d.transport.Readyz)
	protected := http.NewCrossOriginProtection().Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if loopback && !admission.LocalName(r.Host) {
			http.Error(w, "This server answers to localhost only.", http.StatusForbidden)
			return
		}
		protected.ServeHTTP(w, r)
	})
}

// showLevel answers with the lowest level that is logged.
func (d admin) showLevel(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, map[string]string{"level": strings.ToLower(d.level.Level().String())})
}

// setLevel changes it, until the process ends. The body is the level alone.
func (d admin) setLevel(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxLevelText))
	var level slog.Level
	if err == nil {
		err = level.UnmarshalText(bytes.TrimSpace(text))
	}
	if err != nil {
		http.Error(w, "The body must be debug, info, warn or error.", http.StatusBadRequest)
		return
	}
	before := d.level.Level()
	d.level.Set(level)
	d.log.WarnContext(r.Context(), "an operator has changed the log level", "before", before, "level", level)
	d.showLevel(w, r)
}

// drain makes /readyz fail, refuses new streams and disconnects the open ones, as the beginning of a stop. The process goes on: it answers
// requests until it is stopped.
func (d admin) drain(w http.ResponseWriter, r *http.Request) {
	d.log.InfoContext(r.Context(), "draining, as an operator has asked")
	ctx, cancel := context.WithTimeout(r.Context(), drainTimeout)
	defer cancel()
	if err := d.transport.Drain(ctx); err != nil {
		http.Error(w, "Some streams are still open.", http.StatusGatewayTimeout)
		return
	}
	writeJSON(w, map[string]string{"status": "drained"})
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(v) // of plain texts
}
