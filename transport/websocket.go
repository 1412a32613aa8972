package transport

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"studychat/auth"
	"studychat/db"
	"studychat/graph"
	"studychat/transport/connections"
	"studychat/transport/websocket"
	"studychat/transport/wire"
)

const subprotocol = "graphql-transport-ws"

// socket is one connection of graphql-transport-ws. One goroutine reads; operations put their answers into the outbox; what
// else runs exists only while it has something to do. They all end with ctx, and the reader waits for them. The handler of
// net/http, its request and its buffers are left after the upgrade: they would be most of the memory of an idle socket.
//
// Once the socket ends only the close frame is written, and no "complete" for an operation that was interrupted: clients would
// take it for the end of the subscription.
type socket struct {
	t       *Transport
	request *http.Request // the handshake, until the init; the reader's alone
	conn    net.Conn
	in      *wire.Input
	reader  *websocket.Reader
	pace    wire.Pace // of messages; the reader's alone
	out     *wire.Outbox
	ctx     context.Context // ends with the socket
	cancel  context.CancelFunc

	operations operations
	goroutines sync.WaitGroup // pongs that wait
	pongs      atomic.Int32   // that wait
	heard      atomic.Bool    // something came since the last ping
	pinged     bool           // the last turn has pinged
	turn       wire.Turn

	mu       sync.Mutex
	ending   *connections.Ending // why the socket ended; nil before
	closeBy  time.Time
	closing  *time.Timer    // closes the connection when the closing handshake takes too long
	identity *auth.Identity // by the newest token; nil before connection_init
	warnAt   time.Time      // when the client is told that the token is about to expire
	timer    *time.Timer    // for the init, then for the token; stopped at the end
	held     connection     // of the quotas
}

// serveSocket upgrades the request and leaves the socket to a goroutine of its own.
func (t *Transport) serveSocket(w http.ResponseWriter, r *http.Request) {
	if !t.origins.Admits(r) {
		t.refuse.with(w, r, http.StatusForbidden, db.CodeForbidden, "This origin may not open a socket.")
		return
	}
	if !connectionUpgrades(r) || r.Header.Get("Sec-WebSocket-Key") == "" { // the rest of the handshake (RFC 6455, 4.2.1)
		t.refuseLostUpgrade(w, r)
		return
	}
	if wrong := websocket.Verify(r); wrong != "" {
		w.Header().Set("Sec-WebSocket-Version", "13")
		t.refuse.with(w, r, http.StatusBadRequest, db.CodeBadUserInput, wrong)
		return
	}
	if t.streams.stopped.Load() {
		t.refuse.forNow(w, r, true)
		return
	}
	held, err := t.quotas.addressConnection(r)
	if err != nil {
		t.refuse.connection(w, r, err)
		return
	}
	conn, first, ok := upgrade(w, r)
	if !ok {
		held.release()
		return
	}
	s := t.newSocket(r, conn, first)
	s.held = held
	s.start()
}

// upgrade takes the connection from net/http and answers the handshake. first is what the client has already sent.
func upgrade(w http.ResponseWriter, r *http.Request) (conn net.Conn, first []byte, ok bool) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, nil, false
	}
	accepted := ""
	if websocket.Offers(r, subprotocol) {
		accepted = subprotocol
	}
	_ = conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, err := conn.Write(websocket.Response(r, w.Header(), accepted)); err != nil {
		_ = conn.Close()
		return nil, nil, false
	}
	_ = conn.SetWriteDeadline(time.Time{})
	first, _ = buffered.Peek(buffered.Reader.Buffered())
	return conn, first, true
}

func (t *Transport) newSocket(r *http.Request, conn net.Conn, first []byte) *socket {
	s := &socket{t: t, request: r, conn: conn, in: wire.NewInput(conn, first)}
	s.out = wire.NewOutbox(s)
	s.out.Open(conn)
	s.reader = websocket.NewReader(s.in, maxInit, s.control)
	wire.SetSendBuffer(conn, wire.SendBuffer)
	of := graph.RequestFrom(r.Context())
	of.Disconnect = s.sendRetry
	ctx, cancel := context.WithCancel(context.Background()) // that of the request ends with its handler
	s.ctx, s.cancel = graph.WithRequest(ctx, of), cancel
	return s
}

// start begins to read, unless the socket has to end at once.
func (s *socket) start() {
	switch {
	case !s.t.streams.add(s):
		s.restart()
	case !websocket.Offers(s.request, subprotocol):
		s.end(closeBadProtocol, "Subprotocol not acceptable")
	default:
		s.watch()
	}
	go s.read()
}

// watch starts what ends the socket of a client that says nothing.
func (s *socket) watch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending == nil {
		s.timer = time.AfterFunc(initTimeout, s.timeIsUp)
		s.t.pings.Join(&s.turn, s.takeTurn)
	}
}

// restart ends the socket so that its client connects to another instance.
func (s *socket) restart() { s.end(closeRestart, "Restart") }

// sendRetry ends the socket because one of its streams cannot go on now.
func (s *socket) sendRetry() {
	if s.t.streams.draining.Load() {
		s.restart()
		return
	}
	s.end(closeTryAgain, "Try again later")
}
