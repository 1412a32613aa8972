package transport

import (
	"encoding/binary"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"studychat/auth"
	"studychat/db"
	"studychat/graph"
	"studychat/transport/admission"
	"studychat/transport/params"
	"studychat/transport/stats"
)

// Values of headers that many answers share. net/http only reads them, and Header.Add and Set replace them.
var (
	noSniff      = []string{"nosniff"}
	sameOrigin   = []string{"same-origin"}
	noContent    = []string{"default-src 'none'; frame-ancestors 'none'"}
	noStore      = []string{"no-store"}
	varyAnswer   = []string{"Accept", "Accept-Encoding"}
	contentTypes = map[string][]string{mediaJSON: {mediaJSON + "; charset=utf-8"}, mediaGraphQL: {mediaGraphQL + "; charset=utf-8"}}
)

// secured sets the headers of every answer, unless a page sets its own: browsers guess no types, show no frames, and load and run
// nothing. An answer has at most 8 headers: the map that holds them would grow for one more, which costs as much as all of them.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["X-Content-Type-Options"] = noSniff
		h["Cross-Origin-Resource-Policy"] = sameOrigin
		h["Content-Security-Policy"] = noContent
		next.ServeHTTP(w, r)
	})
}

const requestIDHeader = "X-Request-Id"

// identify gives every request an id, its client's if it has a good one, which the answer, the logs and errors carry. It logs the request:
// never its body, its query string or its headers, which may hold secrets.
func (t *Transport) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := began(w)
		id := params.RequestID(r.Header)
		if id == "" {
			id = requestID(start)
		}
		w.Header()[requestIDHeader] = []string{id}
		next.ServeHTTP(w, r)
		if t.options.Log.Enabled(r.Context(), slog.LevelDebug) {
			t.options.Log.DebugContext(r.Context(), "request", "method", r.Method, "path", r.URL.Path, "duration_ms", time.Since(start).Milliseconds(), "requestId", id)
		}
	})
}

// began is when the request arrived whose answer w is.
func began(w http.ResponseWriter) time.Time {
	if record, ok := w.(*stats.Recorder); ok {
		return record.Began
	}
	return time.Now()
}

// requestID makes a UUIDv7 (RFC 9562). It need not be hard to guess, so unlike db.NewID it takes no lock and asks no kernel.
func requestID(now time.Time) string {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(now.UnixMilli())<<16|rand.Uint64()&0xffff) //nolint:gosec // see above
	binary.BigEndian.PutUint64(id[8:], rand.Uint64())                                    //nolint:gosec // see above
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id.String()
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
		identity := auth.Identify(r.Context(), t.options.Verifier, joined(r.Header["Authorization"])) // two credentials count as none
		t.noteForwarded(r)
		request := graph.Request{
			ID: w.Header()[requestIDHeader][0], Trace: params.Traceparent(r.Header), Address: t.quotas.addresses.Of(r), Began: began(w),
		}
		next(w, r.WithContext(graph.WithRequestOf(r.Context(), request, identity)))
	})
}

// noteForwarded logs the first request of a proxy that is not trusted: then all of its clients share one address and its limits.
func (t *Transport) noteForwarded(r *http.Request) {
	if r.Header["X-Forwarded-For"] != nil && !t.quotas.addresses.Trusts(r) {
		t.forwarded.Do(func() {
			t.options.Log.WarnContext(r.Context(), "X-Forwarded-For is ignored, since it comes from a peer that is not trusted", "peer", r.RemoteAddr, "setting", "TRUSTED_PROXIES")
		})
	}
}

// joined is the values of a header as one (RFC 9110, 5.2).
func joined(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	return strings.Join(values, ", ")
}

// debugConnections shows the connections of this instance to the local user, and to tokens with the scope "admin".
func (t *Transport) debugConnections(w http.ResponseWriter, r *http.Request) {
	viewer, err := auth.FromContext(r.Context())
	switch {
	case err != nil:
		t.refuse.stream(w, r, err)
	case !viewer.HasScope(auth.ScopeAdmin):
		t.refuse.with(w, r, http.StatusForbidden, db.CodeForbidden, "Only a token with the scope \"admin\" may do this.")
	default:
		t.inspector.ServeHTTP(w, r)
	}
}
