// Package transport is how bytes reach graph/: HTTP, WebSocket (graphql-transport-ws) and Server-Sent Events
// (graphql-sse in both its modes, and bare EventSource), with the limits and deadlines of each, and the pages for people and probes.
//
// The transports are our own, on gqlgen's executor; docs/decisions.md says why. What they have in common: what is read is
// bounded and checked before anything else sees it; every write has a deadline; what waits to be written is bounded; and a
// stream that breaks never looks as if it had ended.
package transport

import (
	"context"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"studychat/auth"
	"studychat/graph"
)

// Limits and deadlines.
const (
	maxInit        = 16 << 10         // bytes of a message before the viewer is known; a token has at most 8 KB
	bodyTimeout    = 10 * time.Second // for a body to arrive
	answerTimeout  = 30 * time.Second // for an answer that is no stream
	writeTimeout   = 8 * time.Second  // for a frame from outbox to kernel: a reader that is slower is closed and may resume
	closeTimeout   = 10 * time.Second // then for it to read on and see why; for every close of a socket
	pongTimeout    = 10 * time.Second // for the answer to a ping; there is one every 20 s
	startTimeout   = 20 * time.Second // for the place of a subscription over SSE; a proxy waits 30 s or more for an answer
	initTimeout    = 10 * time.Second // for connection_init
	heartbeat      = 12 * time.Second // comment lines on SSE, so that proxies keep the connection
	headerTimeout  = 10 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 32 << 10
	maxStreams     = 100 // of one connection of HTTP/2, at once
)

// Options is what the transports need.
type Options struct {
	Executor       graphql.GraphExecutor // from graph.NewExecutor
	Verifier       auth.Verifier
	LocalOnly      bool                                // no authentication: answer only to names of this machine
	AllowedOrigins []string                            // other origins whose pages may call, exact: https://app.example
	TrustedProxies []netip.Prefix                      // whose X-Forwarded-For is believed
	PerUser        int                                 // connections that stay (sockets, event streams) on this instance; 0: any number
	PerAddress     int                                 // the same for an address
	Playground     http.Handler                        // serves /playground
	Ready          func(ctx context.Context) Readiness // for /readyz
	Log            *slog.Logger
}

// Transport serves everything over HTTP.
type Transport struct {
	options      Options
	origins      origins
	addresses    addresses
	live         *liveSet
	seats        *seats
	reservations *reservations
	warnings     *warnings
	handler      http.Handler
}

// New builds the routes.
func New(o Options) *Transport {
	warnings := newWarnings(o.Log)
	t := &Transport{
		options: o, origins: newOrigins(o.AllowedOrigins, warnings), addresses: addresses{o.TrustedProxies},
		live: newLiveSet(), seats: newSeats(), reservations: newReservations(), warnings: warnings,
	}
	mux := http.NewServeMux()
	mux.Handle("/graphql", t.edge(t.graphql))
	mux.Handle("/graphql/stream", t.edge(t.stream))
	mux.Handle("/playground", o.Playground)
	mux.Handle("/playground/", o.Playground)
	mux.HandleFunc("GET /livez", t.livez)
	mux.HandleFunc("GET /readyz", t.readyz)
	mux.Handle("GET /{$}", http.RedirectHandler("/playground", http.StatusFound))
	t.handler = secured(mux)
	return t
}

// edge is what every GraphQL request passes through, from the outside in.
func (t *Transport) edge(serve http.HandlerFunc) http.Handler {
	return t.request(t.local(t.origins.cors(t.origins.protect(t.authenticate(serve)))))
}

// ServeHTTP makes Transport an http.Handler. A body must arrive in time even if nobody wants it: net/http waits for one
// before it sends an answer, without an end of its own. It waits as well for whoever asked for a page or was refused, and
// does not read that; what takes long or streams sets a deadline of its own.
func (t *Transport) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	deadline := http.NewResponseController(w)
	if r.ContentLength != 0 {
		_ = deadline.SetReadDeadline(time.Now().Add(bodyTimeout))
	}
	_ = deadline.SetWriteDeadline(time.Now().Add(answerTimeout))
	t.handler.ServeHTTP(w, r)
}

// Server is an http.Server for t with the deadlines that do not cut streams. It speaks HTTP/1.1 and, without TLS too,
// HTTP/2: a balancer in front may hold one connection for many streams, and a browser more than six.
func (t *Transport) Server() *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           t,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		Protocols:         protocols,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams, SendPingTimeout: pongTimeout * 2, PingTimeout: pongTimeout, WriteByteTimeout: writeTimeout},
		ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
		ErrorLog:          log.New(serverLog{t.options.Log}, "", 0),
	}
}

// authenticate tells the edge who asks from where: it names the viewer, or remembers why there is none: the executor refuses
// then, so that the refusal is an ordinary GraphQL error on every transport.
func (t *Transport) authenticate(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := graph.WithAddress(r.Context(), t.addresses.of(r))
		ctx, _ = auth.Authenticate(ctx, t.options.Verifier, strings.Join(r.Header.Values("Authorization"), ", ")) // two are none
		next(w, r.WithContext(ctx))
	})
}
