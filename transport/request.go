package transport

import (
	"encoding/json"
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

// refuse answers a request that never became an operation, in the form of a GraphQL answer.
func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]any{
		"message":    message,
		"extensions": map[string]any{"code": db.CodeBadUserInput},
	}}})
}
