package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"

	gqltransport "github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/coder/websocket"

	"studychat/auth"
	"studychat/graph"
)

const subprotocol = "graphql-transport-ws"

// Close codes: of RFC 6455, and of the graphql-transport-ws protocol (4400 and up). Clients stop for good or come back
// by them, so gqlgen's own codes (1000 and 1002 for nearly everything) are translated.
const (
	closeRestart      = websocket.StatusServiceRestart // 1012: come back, elsewhere
	closeBadRequest   = websocket.StatusCode(4400)
	closeForbidden    = websocket.StatusCode(4403)
	closeBadProtocol  = websocket.StatusCode(4406)
	closeInitTimeout  = websocket.StatusCode(4408)
	closeTokenExpired = closeForbidden
)

// seat is where a request waits for its socket: made before gqlgen accepts it, so that the code around gqlgen can reach
// the socket through the request's context.
type seat struct {
	mu     sync.Mutex
	socket *socket
	isCut  bool
}

type seatKey struct{}

func (t *Transport) serveSocket(w http.ResponseWriter, r *http.Request) {
	s := &seat{}
	leave, ok := t.live.enter(func() { s.cut(closeRestart, "restart") })
	if !ok {
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusServiceUnavailable, "This instance is stopping.")
		return
	}
	defer leave()
	ctx := graph.WithCut(graph.WithTransport(r.Context(), "websocket"), func() { s.cut(closeRestart, "restart") })
	ctx = context.WithValue(ctx, seatKey{}, s)
	t.dispatch(w, r.WithContext(ctx))
	s.wait()
}

func (s *seat) take(socket *socket) {
	s.mu.Lock()
	s.socket = socket
	isCut := s.isCut
	s.mu.Unlock()
	if isCut {
		socket.end(closeRestart, "restart")
	}
}

func (s *seat) cut(code websocket.StatusCode, reason string) {
	s.mu.Lock()
	s.isCut = true
	socket := s.socket
	s.mu.Unlock()
	if socket != nil {
		socket.end(code, reason)
	}
}

func (s *seat) wait() {
	s.mu.Lock()
	socket := s.socket
	s.mu.Unlock()
	if socket != nil {
		socket.drop() // does nothing if it is being closed with a code
		socket.closing.Wait()
	}
}

// initSocket names the viewer by the payload of connection_init, or else by the request's own header, which programs
// that are no browser can send.
func (t *Transport) initSocket(ctx context.Context, payload gqltransport.InitPayload) (context.Context, *gqltransport.InitPayload, error) {
	s, _ := ctx.Value(seatKey{}).(*seat)
	if authorization := payload.Authorization(); authorization != "" {
		ctx, _ = auth.Authenticate(ctx, t.options.Verifier, authorization)
	}
	viewer, err := auth.FromContext(ctx)
	if err != nil {
		ctx = gqltransport.AppendCloseReason(ctx, "Forbidden")
		return gqltransport.WithWebsocketCloseCode(ctx, int(closeForbidden)), nil, err
	}
	s.expireAt(viewer.Expires)
	return ctx, nil, nil
}

// expireAt closes the socket when the token ends; the client comes back with a fresh one.
func (s *seat) expireAt(at time.Time) {
	if at.IsZero() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.socket.setExpiry(time.AfterFunc(time.Until(at), func() { s.cut(closeTokenExpired, "token expired") }))
}

// acceptor is gqlgen's WebsocketImplementation.
type acceptor struct{ origins origins }

// Accept upgrades the request. gqlgen cannot refuse a socket properly once it is open, so a socket without our
// sub-protocol is closed here and handed over closed.
func (a acceptor) Accept(w http.ResponseWriter, r *http.Request, _ gqltransport.WebsocketAcceptOptions) (gqltransport.WebsocketConn, error) {
	if !a.origins.admits(r) {
		refuse(w, http.StatusForbidden, "This origin may not open a socket.")
		return closedSocket{}, nil
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols:       []string{subprotocol},
		InsecureSkipVerify: true, // the origin was checked above, against an exact list
	})
	if err != nil {
		return closedSocket{}, nil //nolint:nilerr // Accept has answered; gqlgen would answer again and log
	}
	s := &socket{conn: conn}
	if conn.Subprotocol() != subprotocol {
		s.end(closeBadProtocol, "Subprotocol not acceptable")
	}
	if seat, ok := r.Context().Value(seatKey{}).(*seat); ok {
		seat.take(s)
	}
	return s, nil
}

// socket is a connection as gqlgen wants it, with a deadline on every write, and an end of its own: once it ends,
// nothing that gqlgen still says (a "complete" for every open stream) reaches the client.
type socket struct {
	conn *websocket.Conn

	mu      sync.Mutex
	gate    gate
	ended   bool
	expiry  *time.Timer
	silence *time.Timer // closes the socket when no pong comes
	closing sync.WaitGroup
}

// NextReader returns the next message that the protocol allows, with broken UTF-8 made visible as in a body.
func (s *socket) NextReader() (int, io.Reader, error) {
	for {
		kind, message, err := s.conn.Read(context.Background()) // bounded by pings and by end
		if err != nil {
			return 0, nil, gqltransport.ErrWebsocketClosed
		}
		message = showBrokenUTF8(message)
		s.mu.Lock()
		v := s.gate.receive(message)
		s.mu.Unlock()
		switch {
		case v.code != 0:
			s.end(v.code, v.reason)
			return 0, nil, gqltransport.ErrWebsocketClosed
		case v.answer == nil:
			return int(kind), bytes.NewReader(message), nil
		}
		if answer, err := json.Marshal(v.answer); err != nil || s.write(answer) != nil {
			return 0, nil, gqltransport.ErrWebsocketClosed
		}
	}
}

// WriteJSON sends one message, or nothing once the socket has ended. A client that does not read for writeTimeout is
// closed.
func (s *socket) WriteJSON(v any) error {
	message, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if allowed, ended := s.allows(message); ended {
		return gqltransport.ErrWebsocketClosed
	} else if !allowed {
		return nil
	}
	return s.write(message)
}

func (s *socket) allows(message []byte) (allowed, ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gate.send(message), s.ended
}

func (s *socket) write(message []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	if err := s.conn.Write(ctx, websocket.MessageText, message); err != nil {
		s.drop()
		return err
	}
	return nil
}

// WriteClose is gqlgen's wish to close.
func (s *socket) WriteClose(code int, message string) error {
	s.end(translate(code, message), message)
	return nil
}

// translate finds the code that gqlgen should have used.
func translate(code int, message string) websocket.StatusCode {
	switch {
	case code == int(closeForbidden):
		return closeForbidden
	case message == "connection initialisation timeout":
		return closeInitTimeout
	case code == gqltransport.WebsocketCloseProtocolError:
		return closeBadRequest
	}
	return websocket.StatusCode(code)
}

// Close is called by gqlgen after WriteClose.
func (s *socket) Close() error { return nil }

// Subprotocol is the only one there is.
func (s *socket) Subprotocol() string { return subprotocol }

// SetReadLimit bounds a message.
func (s *socket) SetReadLimit(limit int64) { s.conn.SetReadLimit(limit) }

// SetReadDeadline is what gqlgen's pings use: the zero time takes the deadline away.
func (s *socket) SetReadDeadline(at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silence != nil {
		s.silence.Stop()
		s.silence = nil
	}
	if !at.IsZero() && !s.ended {
		s.silence = time.AfterFunc(time.Until(at), s.drop)
	}
	return nil
}

func (s *socket) setExpiry(timer *time.Timer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expiry = timer
	if s.ended {
		timer.Stop()
	}
}

// end closes the socket with a code, once. The closing handshake (up to 5 s) runs beside the caller, who may hold
// gqlgen's locks; seat.wait waits for it.
func (s *socket) end(code websocket.StatusCode, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.finishLocked() {
		s.closing.Go(func() { _ = s.conn.Close(code, reason) })
	}
}

// drop closes the socket without a word: the other side does not listen, or is gone.
func (s *socket) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.finishLocked() {
		_ = s.conn.CloseNow()
	}
}

// finishLocked says whether this is the first end of the socket.
func (s *socket) finishLocked() bool {
	if s.ended {
		return false
	}
	s.ended = true
	for _, timer := range []*time.Timer{s.expiry, s.silence} {
		if timer != nil {
			timer.Stop()
		}
	}
	return true
}

// closedSocket stands for a request that was refused: gqlgen finds the connection closed and says nothing.
type closedSocket struct{}

func (closedSocket) NextReader() (int, io.Reader, error) {
	return 0, nil, gqltransport.ErrWebsocketClosed
}
func (closedSocket) WriteJSON(any) error          { return gqltransport.ErrWebsocketClosed }
func (closedSocket) WriteClose(int, string) error { return nil }
func (closedSocket) Close() error                 { return nil }
func (closedSocket) Subprotocol() string          { return subprotocol }
