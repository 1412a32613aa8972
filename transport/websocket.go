package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"studychat/auth"
	"studychat/db"
	"studychat/graph"
)

const subprotocol = "graphql-transport-ws"

// socket is one connection of graphql-transport-ws. The handler's goroutine reads; one goroutine writes; one for each
// operation puts the executor's answers into the outbox. They all end with ctx, and the handler waits for them.
//
// Once the socket ends only the close frame is written, and no "complete" for an operation that was interrupted: clients would
// take it for the end of the subscription.
type socket struct {
	t       *Transport
	request *http.Request // the handshake, until the init; the reader's alone
	conn    *websocket.Conn
	raw     net.Conn // below conn
	out     *outbox
	ctx     context.Context // ends with the socket
	cancel  context.CancelFunc

	operations *operations
	goroutines sync.WaitGroup // the writer, pongs that wait, the closing handshake
	pongs      atomic.Int32   // that wait
	heard      atomic.Bool    // something came since the last ping
	writing    chan struct{}  // holds one while a frame is written

	mu            sync.Mutex
	ended         bool
	pace          pace          // the closing handshake reads too, so it is not the reader's alone
	authenticated bool          // by connection_init: viewer is set
	viewer        auth.Viewer   // of the newest token
	timers        []*time.Timer // for the init, then for the token; stopped at the end
	release       []func()      // of the quotas
}

// serveSocket upgrades the request and serves the socket until it ends.
func (t *Transport) serveSocket(w http.ResponseWriter, r *http.Request) {
	if !t.origins.Admits(r) {
		t.refuse.with(w, r, http.StatusForbidden, db.CodeForbidden, "This origin may not open a socket.")
		return
	}
	if !connectionUpgrades(r) || r.Header.Get("Sec-WebSocket-Key") == "" { // the rest of the handshake (RFC 6455, 4.2.1)
		t.refuseLostUpgrade(w, r)
		return
	}
	if t.streams.stopped.Load() {
		t.refuse.forNow(w, r, true)
		return
	}
	release, err := t.quotas.addressConnection(r)
	if err != nil {
		t.refuse.connection(w, r, err)
		return
	}
	defer release()
	s := &socket{t: t, request: r, out: newOutbox(), operations: newOperations(), writing: make(chan struct{}, 1)}
	upgrade := &pacedUpgrade{ResponseWriter: w}
	s.conn, err = websocket.Accept(upgrade, r, &websocket.AcceptOptions{
		Subprotocols:       []string{subprotocol},
		InsecureSkipVerify: true, // the origin was checked above, against an exact list
		OnPingReceived:     func(_ context.Context, payload []byte) bool { s.answerPing(payload); return false },
	})
	if err != nil {
		return // Accept has answered
	}
	s.raw = upgrade.conn
	limitSendBuffer(r)
	s.conn.SetReadLimit(maxInit)
	s.ctx, s.cancel = context.WithCancel(r.Context())
	of := graph.RequestFrom(s.ctx)
	of.Disconnect = s.sendRetry
	s.ctx = graph.WithRequest(s.ctx, of)
	s.serve()
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

// serve ends when the socket has ended and everything that belonged to it.
func (s *socket) serve() {
	remove, ok := s.t.streams.add(s.restart)
	if !ok {
		s.restart()
		s.goroutines.Wait()
		return
	}
	defer remove() // last: after Drain the database is closed, and operations still use it
	defer s.operations.goroutines.Wait()
	defer s.goroutines.Wait()
	defer s.drop() // does nothing if it is being closed with a code
	if s.conn.Subprotocol() != subprotocol {
		s.end(closeBadProtocol, "Subprotocol not acceptable")
		return
	}
	s.schedule(initTimeout, func() { s.end(closeInitTimeout, "Connection initialisation timeout") })
	s.goroutines.Go(s.writeAll)
	s.readAll()
}

// readAll reads until the socket ends. The pings bound how long it waits for a client that is gone.
func (s *socket) readAll() {
	for {
		text, message, release, err := s.readMessage()
		if errors.Is(err, websocket.ErrMessageTooBig) { // the library has sent the close frame
			s.end(websocket.StatusMessageTooBig, "")
		}
		if err != nil {
			return
		}
		s.heard.Store(true)
		switch {
		case !s.keepsPace():
			release()
			return
		case !text:
			release()
			s.end(closeBadRequest, reasonBadMessage)
			return
		}
		if v := s.receive(message, release); v != nil {
			s.end(v.code, v.reason)
			return
		}
	}
}

// keepsPace counts a message, or a ping frame of WebSocket, which is answered within Read; too many end the socket.
func (s *socket) keepsPace() bool {
	s.mu.Lock()
	ok := s.pace.add(time.Now(), messagesInterval) <= messagesBurst*messagesInterval
	s.mu.Unlock()
	if !ok {
		s.end(closeTooFast, "Too many messages")
	}
	return ok
}

// readMessage reads a message. A large one has to arrive in time, since it holds a part of the quota of all clients.
func (s *socket) readMessage() (text bool, message []byte, release func(), err error) {
	release = func() {}
	kind, reader, err := s.conn.Reader(context.Background())
	if err != nil {
		return false, nil, release, err
	}
	message, err = io.ReadAll(io.LimitReader(reader, smallBody+1))
	if err == nil && len(message) > smallBody {
		message, release, err = s.readLarge(reader, message)
	}
	return kind == websocket.MessageText, message, release, err
}

func (s *socket) readLarge(reader io.Reader, begin []byte) (message []byte, release func(), err error) {
	viewer, _ := s.currentViewer() // authenticated: messages before the init are small
	release, ok := s.t.quotas.largeBody(auth.WithViewer(s.ctx, viewer), MaxBody)
	if !ok {
		s.end(closeTryAgain, "Too many large messages")
		return nil, func() {}, errBusy
	}
	late := time.AfterFunc(largeTimeout, func() { s.end(closeTryAgain, "Slow message") })
	defer late.Stop()
	message, err = readRest(reader, begin, 2*len(begin), func() { s.heard.Store(true) })
	if err != nil {
		release()
		release = func() {}
	}
	return message, release, err
}
