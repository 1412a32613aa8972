package transport

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"time"
)

// Readiness is what /readyz shows: a word for each dependency, and whether this instance should get traffic.
type Readiness struct {
	Ready bool
	Parts map[string]string // such as "database": "ok", "redis": "degraded"
}

const readyTimeout = 2 * time.Second

// livez says that the process runs. It asks no dependency: a slow database must not get this instance restarted.
func livez(w http.ResponseWriter, _ *http.Request) {
	writeHealth(w, http.StatusOK, map[string]string{"status": "ok"})
}

func (t *Transport) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if t.streams.draining.Load() {
		writeHealth(w, http.StatusServiceUnavailable, map[string]string{"status": "stopping"})
		return
	}
	readiness := t.options.Ready(ctx)
	parts, status := map[string]string{"status": "ok"}, http.StatusOK
	if !readiness.Ready {
		parts["status"], status = "not ready", http.StatusServiceUnavailable
	}
	maps.Copy(parts, readiness.Parts)
	writeHealth(w, status, parts)
}

func writeHealth(w http.ResponseWriter, status int, parts map[string]string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(parts)
}
