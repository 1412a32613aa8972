// Package transport is how bytes reach graph/: HTTP, WebSocket (graphql-transport-ws) and Server-Sent Events
// (graphql-sse, distinct connections mode), with the limits and deadlines of each, and the pages for people and probes.
//
// It stands on gqlgen's stock transports for now and mends from outside what they get wrong: bodies are bounded and
// checked before they are seen, every write has a deadline, and a stream that breaks never looks as if it had ended.
package transport

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	gqltransport "github.com/99designs/gqlgen/graphql/handler/transport"

	"studychat/auth"
)

// Limits and deadlines.
const (
	MaxBody        = 128 << 10        // bytes of a request's body, and of a message over the socket
	bodyTimeout    = 10 * time.Second // for a body to arrive
	answerTimeout  = 30 * time.Second // for an answer that is no stream
	writeTimeout   = 10 * time.Second // for one write to a stream: a reader that is slower is closed and may resume
	pingInterval   = 20 * time.Second // a socket that answers no ping for twice as long is closed
	initTimeout    = 10 * time.Second // for connection_init
	heartbeat      = 12 * time.Second // comment lines on SSE, so that proxies keep the connection
	headerTimeout  = 10 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 32 << 10
)

// Options is what the transports need.
type Options struct {
	Executor       graphql.GraphExecutor // from graph.NewExecutor
	Verifier       auth.Verifier
	LocalOnly      bool                                // no authentication: answer only to names of this machine
	AllowedOrigins []string                            // other origins whose pages may call, exact: https://app.example
	Playground     http.Handler                        // serves /playground
	Ready          func(ctx context.Context) Readiness // for /readyz
	Log            *slog.Logger
}

// Transport serves everything over HTTP.
type Transport struct {
	options Options
	origins origins
	live    *liveSet
	mux     *http.ServeMux

	protocols []graphql.Transport
}

func (t *Transport) dispatch(w http.ResponseWriter, r *http.Request) {
	r = r.WithContext(graphql.StartOperationTrace(r.Context()))
	for _, p := range t.protocols {
		if p.Supports(r) {
			p.Do(w, r, t.options.Executor)
			return
		}
	}
}

// New builds the routes.
func New(o Options) *Transport {
	t := &Transport{options: o, origins: newOrigins(o.AllowedOrigins), live: newLiveSet(), mux: http.NewServeMux()}
	t.addProtocols()
	graphql := t.request(t.local(t.origins.cors(t.authenticate(http.HandlerFunc(t.graphql)))))
	t.mux.Handle("/graphql", graphql)
	t.mux.Handle("/playground", o.Playground)
	t.mux.Handle("/playground/", o.Playground)
	t.mux.HandleFunc("GET /livez", t.livez)
	t.mux.HandleFunc("GET /readyz", t.readyz)
	t.mux.Handle("GET /{$}", http.RedirectHandler("/playground", http.StatusFound))
	return t
}

// ServeHTTP makes Transport an http.Handler.
func (t *Transport) ServeHTTP(w http.ResponseWriter, r *http.Request) { t.mux.ServeHTTP(w, r) }

// Server is an http.Server for t with the deadlines that do not cut streams.
func (t *Transport) Server() *http.Server {
	return &http.Server{
		Handler:           t,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(t.options.Log.Handler(), slog.LevelWarn),
	}
}

func (t *Transport) addProtocols() {
	limit := int64(MaxBody)
	t.protocols = append(t.protocols, gqltransport.Websocket{
		Implementation:   acceptor{t.origins},
		InitFunc:         t.initSocket,
		InitTimeout:      initTimeout,
		PingPongInterval: pingInterval,
		PayloadReadLimit: &limit,
	})
	t.protocols = append(t.protocols, gqltransport.SSE{KeepAlivePingInterval: heartbeat})
	t.protocols = append(t.protocols, gqltransport.GET{})
	t.protocols = append(t.protocols, gqltransport.POST{})
}

// graphql picks how the request is carried.
func (t *Transport) graphql(w http.ResponseWriter, r *http.Request) {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		r.Header.Del("Upgrade") // an offer of HTTP/2, which may be ignored; gqlgen takes any for a socket
	}
	switch {
	case strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
		t.serveSocket(w, r)
	case r.Method == http.MethodPost:
		t.servePost(w, r)
	case r.Method == http.MethodGet:
		t.serveGet(w, r)
	default:
		w.Header().Set("Allow", "GET, POST, OPTIONS")
		refuse(w, http.StatusMethodNotAllowed, "Use POST, or GET for a query.")
	}
}

func (t *Transport) servePost(w http.ResponseWriter, r *http.Request) {
	if err := readBody(w, r); err != nil {
		refuse(w, err.status, err.message)
		return
	}
	if wantsEvents(r) {
		t.serveEvents(w, r)
		return
	}
	t.serveAnswer(w, r)
}

// serveGet answers a query; the parameters are checked before gqlgen, whose own refusals have no code.
func (t *Transport) serveGet(w http.ResponseWriter, r *http.Request) {
	parameters, err := url.ParseQuery(r.URL.RawQuery)
	for _, name := range []string{"variables", "extensions"} {
		var object map[string]any
		if text := parameters.Get(name); err == nil && text != "" {
			err = json.Unmarshal([]byte(text), &object)
		}
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, "The parameters must be query and, if needed, operationName, variables and extensions, the last two JSON objects.")
		return
	}
	t.serveAnswer(w, r)
}

// serveAnswer serves what is answered once.
func (t *Transport) serveAnswer(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), answerTimeout)
	defer cancel()
	t.dispatch(w, r.WithContext(ctx))
}

// authenticate names the viewer, or remembers why there is none: the executor refuses then, so that the refusal is
// an ordinary GraphQL error on every transport.
func (t *Transport) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, _ := auth.Authenticate(r.Context(), t.options.Verifier, r.Header.Get("Authorization"))
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
