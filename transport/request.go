package transport

import (
	"net/http"
	"time"

	"studychat/db"
	"studychat/graph"
)

// request gives every request a name, which the answer, the logs and INTERNAL errors carry, and logs what it was: never
// its body, its query string or its headers, which may hold secrets.
func (t *Transport) request(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := db.NewID()
		w.Header().Set("X-Request-Id", id)
		start := time.Now()
		next.ServeHTTP(w, r.WithContext(graph.WithRequestID(r.Context(), id)))
		t.options.Log.DebugContext(r.Context(), "request", "method", r.Method, "path", r.URL.Path, "took", time.Since(start), "requestId", id)
	})
}
