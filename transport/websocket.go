package transport

import (
	"context"
	"errors"
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
// operation asks the executor and puts what it answers into the outbox. They all end with ctx, and the handler waits for
// them.
//
// Once the socket ends nothing is written but the close frame, least of all a "complete" for what was cut short: clients
// would believe it.
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

	mu     sync.Mutex
	ended  bool
	pace   pace          // not the reader's alone: the closing handshake reads too
	named  bool          // connection_init was good: viewer is set
	viewer auth.Viewer   // by the newest token
	timers []*time.Timer // for the init, then for the token; stopped at the end
	leave  []func()
}

// serveSocket upgrades the request and serves the socket until it ends.
func (t *Transport) serveSocket(w http.ResponseWriter, r *http.Request) {
	if !t.origins.admits(r) {
		refuse(w, http.StatusForbidden, db.CodeForbidden, "This origin may not open a socket.")
		return
	}
	if !upgrades(r) {
		t.refuseLostUpgrade(w, r)
		return
	}
	if t.live.refuses() {
		refuseStopping(w)
		return
	}
	leaveAddress, ok := t.seats.take("address:"+t.addresses.of(r), t.options.PerAddress)
	if !ok {
		t.warnings.refused(causeAddress, r)
		refuseTooMany(w, "There are too many connections from your address.")
		return
	}
	defer leaveAddress()
	s := &socket{t: t, request: r, out: newOutbox(), operations: newOperations(), writing: make(chan struct{}, 1)}
	upgrade := &pacedUpgrade{ResponseWriter: w}
	var err error
	s.conn, err = websocket.Accept(upgrade, r, &websocket.AcceptOptions{
		Subprotocols:       []string{subprotocol},
		InsecureSkipVerify: true, // the origin was checked above, against an exact list
		OnPingReceived:     func(_ context.Context, payload []byte) bool { s.answerPing(payload); return false },
	})
	if err != nil {
		return // Accept has answered
	}
	s.raw = upgrade.conn
	boundKernel(r)
	s.conn.SetReadLimit(maxInit)
	s.ctx, s.cancel = context.WithCancel(r.Context())
	s.ctx = graph.WithCut(s.ctx, s.comeBack)
	s.serve()
}

// restart ends the socket so that its client comes back, elsewhere.
func (s *socket) restart() { s.end(closeRestart, "Restart") }

// comeBack ends the socket because a stream of it cannot go on here and now.
func (s *socket) comeBack() {
	if s.t.live.draining() {
		s.restart()
		return
	}
	s.end(closeTryAgain, "Try again later")
}

// serve ends when the socket has ended and everything that belonged to it.
func (s *socket) serve() {
	leave, ok := s.t.live.enter(s.restart)
	if !ok {
		s.restart()
		s.goroutines.Wait()
		return
	}
	defer leave() // the last of all: whoever drains closes the database next, and operations still use it
	defer s.operations.wait()
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

// readAll reads until the socket ends. The pings bound how long a read may take.
func (s *socket) readAll() {
	for {
		text, message, release, err := s.readMessage()
		if errors.Is(err, websocket.ErrMessageTooBig) { // the library has said so
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
		if v := s.receive(showBrokenUTF8(message), release); v != nil {
			s.end(v.code, v.reason)
			return
		}
	}
}

// keepsPace counts a message, or a ping of WebSocket's own, which the reader answers within Read; too many end the socket.
func (s *socket) keepsPace() bool {
	s.mu.Lock()
	ok := s.pace.add(time.Now(), messagesInterval) <= messagesBurst*messagesInterval
	s.mu.Unlock()
	if !ok {
		s.end(closeTooFast, "Too many messages")
	}
	return ok
}

// writeAll writes what is put, and pings. A client that answers no ping for pongTimeout, or that stalls, or that needs longer
// than writeTimeout for what was put, is sent away and may come back with its cursor: the cursor is cheaper to keep than its
// backlog.
func (s *socket) writeAll() {
	tick := time.NewTicker(pongTimeout)
	defer tick.Stop()
	pinged := false
	for {
		select {
		case <-s.ctx.Done():
			return
		case f := <-s.out.frames:
			if f.late() {
				s.end(closeTryAgain, reasonSlow)
				return
			}
			if !s.write(f) {
				return
			}
			s.out.written(f)
		case <-tick.C: // every second tick pings, the one between looks for what came back
			if pinged && !s.heard.Load() {
				s.end(closeTryAgain, "No answer to a ping")
				return
			}
			if pinged = !pinged; pinged {
				s.heard.Store(false)
				if !s.write(&frame{bytes: messagePing}) {
					return
				}
			}
		}
	}
}

// write writes a frame, in time or not: what is half written has to come before the close frame. It says whether the socket
// goes on.
func (s *socket) write(f *frame) bool {
	s.writing <- struct{}{}
	defer func() { <-s.writing }()
	if s.ctx.Err() != nil {
		return false
	}
	slow := time.AfterFunc(timeFor(f.bytes), func() { s.end(closeTryAgain, reasonSlow) })
	defer slow.Stop()
	var err error
	if f.raw {
		_, err = s.raw.Write(f.bytes)
	} else {
		err = s.conn.Write(context.Background(), websocket.MessageText, f.bytes) // closing the connection ends it
	}
	if err != nil {
		s.drop()
	}
	return err == nil
}

// schedule runs do after d, unless the socket ends before.
func (s *socket) schedule(d time.Duration, do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.timers = append(s.timers, time.AfterFunc(max(d, 0), do))
	}
}

// unschedule forgets everything that was scheduled.
func (s *socket) unschedule() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopTimersLocked()
}

func (s *socket) stopTimersLocked() {
	for _, timer := range s.timers {
		timer.Stop()
	}
	s.timers = nil
}

// end closes the socket with a code, once, beside the caller.
func (s *socket) end(code websocket.StatusCode, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.endLocked() {
		s.goroutines.Go(func() { s.farewell(code, reason) })
	}
}

// farewell is the closing handshake. What is half written comes first, then the close frame, and nothing else: what waits in the
// outbox is lost to nobody, since the client has a cursor. The kernel takes both at once, unless the frame is a large answer's;
// for that, and for the client's own close frame, there is closeTimeout.
func (s *socket) farewell(code websocket.StatusCode, reason string) {
	setKernel(s.ctx, closingBytes)
	cut := time.AfterFunc(closeTimeout, func() { _ = s.raw.Close() })
	defer cut.Stop()
	s.writing <- struct{}{}
	defer func() { <-s.writing }()
	_ = s.conn.Close(code, reason)
}

// drop closes the socket without a word: the other side does not listen, or is gone.
func (s *socket) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.endLocked() {
		s.goroutines.Go(func() { _ = s.conn.CloseNow() })
	}
}

// endLocked says whether this is the first end of the socket.
func (s *socket) endLocked() bool {
	if s.ended {
		return false
	}
	s.ended = true
	s.stopTimersLocked()
	s.operations.end()
	s.cancel()
	for _, leave := range s.leave {
		leave()
	}
	return true
}
