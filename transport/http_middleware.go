package transport

import (
	"net/http"
	"strings"
	"time"

	"studychat/auth"
	"studychat/db"
	"studychat/graph"
	"studychat/transport/admission"
)

// secured sets the headers of every answer, unless a page sets its own: browsers guess no types, show no frames, load and run
// nothing, and tell no other site the address.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		next.ServeHTTP(w, r)
	})
}

// identify gives every request an id, which the answer, the logs and INTERNAL errors carry, and logs the request: never its
// body, its query string or its headers, which may hold secrets.
func (t *Transport) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, start := db.NewID(), time.Now()
		w.Header().Set("X-Request-Id", id)
		request := graph.Request{ID: id, Address: t.quotas.addresses.Of(r)}
		next.ServeHTTP(w, r.WithContext(graph.WithRequest(r.Context(), request)))
		t.options.Log.DebugContext(r.Context(), "request", "method", r.Method, "path", r.URL.Path, "duration_ms", time.Since(start).Milliseconds(), "requestId", id)
	})
}

// local refuses requests for another host name than this machine's, if there is no authentication.
func (t *Transport) local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if t.options.LocalOnly && !admission.LocalName(r.Host) {
			t.warnings.Refused(admission.HostRefused, r)
			t.refuse.with(w, r, http.StatusForbidden, db.CodeForbidden, "Without authentication this server answers to localhost only.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// authenticate finds the viewer, or remembers why there is none. The executor refuses the request then, so that the refusal
// is an ordinary GraphQL error on every transport.
func (t *Transport) authenticate(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := strings.Join(r.Header.Values("Authorization"), ", ") // two credentials count as none
		ctx, _ := auth.Authenticate(r.Context(), t.options.Verifier, header)
		next(w, r.WithContext(ctx))
	})
}
