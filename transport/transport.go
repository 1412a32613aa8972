// Package transport is how bytes reach graph/: HTTP, WebSocket (graphql-transport-ws) and Server-Sent Events
// (graphql-sse in both its modes, and bare EventSource), with the limits and deadlines of each, and the pages for people and probes.
//
// The transports are our own, on gqlgen's executor; docs/decisions.md says why. All of them bound and check what they read
// before anything else sees it, write with deadlines, bound what waits to be written, and never make a stream that failed look
// like one that ended.
package transport

import (
	"bytes"
	"context"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"studychat/auth"
	"studychat/db"
	"studychat/graph"
	"studychat/graph/outcome"
	"studychat/transport/admission"
	"studychat/transport/connections"
	"studychat/transport/stats"
	"studychat/transport/wire"
)

// Limits and deadlines.
const (
	maxInit            = 16 << 10         // bytes of a message before the viewer is known; a token has at most 8 KB
	bodyTimeout        = 10 * time.Second // for a body to arrive
	answerTimeout      = 30 * time.Second // for an answer that is not a stream
	writeTimeout       = wire.WriteTimeout
	closeTimeout       = 10 * time.Second // for a client to read the close frame and send its own
	closeAnswerTimeout = 5 * time.Second  // of that, from when the close frame is sent
	pongTimeout        = 10 * time.Second // for the answer to a ping; there is one every 20 s
	startTimeout       = 20 * time.Second // for a subscription over SSE to find its place; a proxy waits 30 s or more for an answer
	initTimeout        = 10 * time.Second // for connection_init
	heartbeat          = 12 * time.Second // comment lines on SSE, so that proxies keep the connection
	headerTimeout      = 10 * time.Second
	idleTimeout        = 2 * time.Minute
	maxHeaderBytes     = 32 << 10
	maxStreams         = 100 // of one connection of HTTP/2, at once
)

// Executor runs operations and presents errors. *graph.Executor implements it.
type Executor interface {
	Prepare(ctx context.Context, params *graphql.RawParams) (*graph.Operation, *graphql.Response)
	Refuse(ctx context.Context, err error) *graphql.Response
	Ran(ctx context.Context, o *graph.Operation, answer *graphql.Response, how outcome.Operation)
}

// Options is what the transports need.
type Options struct {
	Executor       Executor
	Verifier       auth.Verifier
	LocalOnly      bool                                // without authentication: answer only to names of this machine
	AllowedOrigins []string                            // other origins whose pages may call, exact: https://app.example
	TrustedProxies []netip.Prefix                      // whose X-Forwarded-For is believed
	Connections    int                                 // that stay (sockets, event streams) on this instance, together; 0: any number
	PerUser        int                                 // the same for one user
	PerAddress     int                                 // the same for an address
	Pages          http.Handler                        // serves every other path: what people see in a browser
	Ready          func(ctx context.Context) Readiness // for /readyz
	Log            *slog.Logger

	// Trace begins the span of an operation; nil: nothing is traced.
	Trace func(ctx context.Context, o Traced) (traced context.Context, traceparent string, end func(code string))

	// Overloaded says that queries, or mutations, would wait too long for the database: then new ones are refused. nil: never.
	Overloaded func(mutation bool) bool
}

// Traced is an operation whose span begins.
type Traced struct {
	Parent     string // traceparent of the request, or ""
	Type, Name string // as the document says
	RequestID  string
	Began      time.Time
}

// Transport serves everything over HTTP.
type Transport struct {
	options      Options
	origins      admission.Origins
	warnings     *admission.Warnings
	quotas       quotas
	refuse       refusals
	runner       runner
	streams      *openStreams
	pings        *wire.Rounds // of the sockets
	heartbeats   *wire.Rounds // of the event streams
	reservations *reservations
	inspector    *connections.Inspector
	stats        *stats.Stats
	forwarded    sync.Once // X-Forwarded-For of a peer that is not trusted was logged
	handler      http.Handler
}

// New builds the routes.
func New(o Options) *Transport {
	counts := new(stats.Stats)
	warnings, addresses := admission.NewWarnings(o.Log, &counts.Refused), admission.Addresses{Proxies: o.TrustedProxies}
	t := &Transport{
		options: o, stats: counts, warnings: warnings, refuse: refusals{o.Executor, counts, warnings}, streams: newOpenStreams(), pings: wire.NewRounds(pongTimeout), heartbeats: wire.NewRounds(heartbeat),
		quotas: quotas{admission.NewQuota(), o.Connections, o.PerUser, o.PerAddress, addresses, warnings},
	}
	t.origins = admission.NewOrigins(o.AllowedOrigins, warnings, func(w http.ResponseWriter, r *http.Request) {
		t.refuse.with(w, r, http.StatusForbidden, db.CodeForbidden, "Pages of this origin may not call.")
	})
	t.inspector = &connections.Inspector{Open: t.streams.list, Endings: &t.streams.ended}
	t.runner, t.reservations = runner{t.refuse, t.quotas, o.Overloaded, o.Trace}, &reservations{Transport: t}
	mux := http.NewServeMux()
	graphql := t.edge(t.graphql)
	mux.Handle("/graphql", graphql)
	mux.Handle("/graphql/stream", t.edge(t.reservations.serve))
	mux.Handle("GET /debug/connections/snapshot", t.edge(t.debugConnections))
	mux.HandleFunc("GET /livez", Livez)
	mux.HandleFunc("GET /readyz", t.Readyz)
	mux.Handle("/", o.Pages)
	t.handler = secured(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/graphql" { // nearly every request: spare it the search
			graphql.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	return t
}

// edge wraps the handlers of GraphQL requests; the first function called is the outermost.
func (t *Transport) edge(serve http.HandlerFunc) http.Handler {
	return t.identify(t.local(t.origins.CORS(t.origins.Protect(t.authenticate(serve)))))
}

// ServeHTTP makes Transport an http.Handler. A body must arrive in time even if the handler does not read it: net/http waits
// for it before it sends an answer, without a deadline of its own. Handlers that take long, or stream, set their own.
func (t *Transport) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	deadline, now := http.NewResponseController(w), time.Now()
	record := t.stats.Record(w, now)
	defer record.Done(r)
	if r.ContentLength != 0 {
		_ = deadline.SetReadDeadline(now.Add(bodyTimeout))
	}
	_ = deadline.SetWriteDeadline(now.Add(answerTimeout))
	t.handler.ServeHTTP(record, r)
}

// Inspector shows the connections of this instance. It does not ask who wants to see them.
func (t *Transport) Inspector() *connections.Inspector { return t.inspector }

// Stats is what the transport has done. It goes on counting.
func (t *Transport) Stats() *stats.Stats { return t.stats }

// Server is an http.Server for t with deadlines that do not end streams. It serves HTTP/1.1 and HTTP/2, also without TLS, so
// that a load balancer can carry many streams over one connection, and a browser more than six.
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

// Leave makes /readyz fail and nothing else: balancers send new clients elsewhere.
func (t *Transport) Leave() { t.streams.draining.Store(true) }

// Drain makes /readyz fail, refuses new streams, disconnects the open ones in jittered waves, so that their clients resume
// on other instances, and waits until they are over or ctx ends.
func (t *Transport) Drain(ctx context.Context) error { return t.streams.drain(ctx) }

// serverLog sorts what net/http logs. A panic is our own fault; the rest is what networks do (a scanner without TLS, a laptop
// that fell asleep), and would fill the log.
type serverLog struct{ log *slog.Logger }

// Write is called for each line.
func (l serverLog) Write(line []byte) (int, error) {
	level := slog.LevelDebug
	if bytes.Contains(line, []byte("panic")) {
		level = slog.LevelError
	}
	l.log.Log(context.Background(), level, "net/http", "line", string(bytes.TrimSpace(line)))
	return len(line), nil
}

type connKey struct{}

// connOf is the connection of the request that ctx belongs to, or nil.
func connOf(ctx context.Context) net.Conn {
	conn, _ := ctx.Value(connKey{}).(net.Conn)
	return conn
}
