package transport

import (
	"time"

	"studychat/transport/connections"
	"studychat/transport/websocket"
	"studychat/transport/wire"
)

// Close codes: of RFC 6455, and of graphql-transport-ws
// (https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md). By them clients decide whether to reconnect: graphql-ws
// does after 1012, 1013, 4403 and 4408 and after a lost connection, and gives up after the others.
const (
	closeTooFast      = websocket.StatusPolicyViolation // 1008
	closeRestart      = websocket.StatusServiceRestart  // 1012: reconnect, to another instance
	closeTryAgain     = websocket.StatusTryAgainLater   // 1013: reconnect later
	closeBadRequest   = websocket.StatusCode(4400)
	closeUnauthorized = websocket.StatusCode(4401)
	closeForbidden    = websocket.StatusCode(4403)
	closeBadProtocol  = websocket.StatusCode(4406)
	closeInitTimeout  = websocket.StatusCode(4408)
	closeDuplicate    = websocket.StatusCode(4409)
	closeTooManyInits = websocket.StatusCode(4429)

	reasonBadMessage = "Invalid message received"
	reasonSlow       = "Slow reader"
)

// takeTurn is called every pongTimeout: every second turn pings, the turn between looks for an answer. A client that does not
// answer, or is slower than writeTimeout, is disconnected and may resume from its cursor: to keep a cursor is cheaper than to
// keep a backlog.
func (s *socket) takeTurn() {
	if s.pinged && !s.heard.Load() {
		s.end(closeTryAgain, "No answer to a ping")
		return
	}
	if s.pinged = !s.pinged; s.pinged {
		s.heard.Store(false)
		s.pinged = s.out.Offer(framePing) // without room the outbox watches the client
	}
}

// Slow implements wire.Owner.
func (s *socket) Slow() { s.end(closeTryAgain, reasonSlow) }

// Waited implements wire.Owner.
func (s *socket) Waited(queued time.Duration) { s.t.stats.OutboxWait.Observe(queued) }

// Broken implements wire.Owner.
func (s *socket) Broken() { s.drop(nil) }

// Written implements wire.Owner: the close frame is sent. The client gets some time to send its own.
func (s *socket) Written() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing.Reset(min(closeAnswerTimeout, time.Until(s.closeBy)))
}

// end closes the socket with a code, once. The rest of what is being written comes first, then the close frame; the frames in
// the outbox are dropped, since the client can resume from its cursor. Both fit into the kernel's buffer unless the frame is a
// large answer; closeTimeout bounds that, and the wait for the client's own close frame.
func (s *socket) end(code websocket.StatusCode, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.endLocked(connections.ByServer(code, reason)) {
		return
	}
	s.sayGoodbyeLocked(code, reason)
}

// answerClose ends the socket that the client has closed.
func (s *socket) answerClose(code websocket.StatusCode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.endLocked(connections.ByClient(code)) {
		s.sayGoodbyeLocked(code, "")
	}
}

func (s *socket) sayGoodbyeLocked(code websocket.StatusCode, reason string) {
	wire.SetSendBuffer(s.conn, wire.ClosingBuffer)
	s.closeBy = time.Now().Add(closeTimeout)
	s.closing = time.AfterFunc(closeTimeout, s.in.Close)
	s.out.End(websocket.AppendClose(nil, code, reason))
}

// drop closes the socket without a close frame: the client does not read, or is gone. err is what reading it met.
func (s *socket) drop(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.endLocked(connections.Lost(err)) {
		s.out.End(nil)
		s.in.Close()
	}
}

// hangUp closes the connection after the closing handshake.
func (s *socket) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing != nil {
		s.closing.Stop()
	}
	s.in.Close()
}

// endLocked is true for the first end of the socket.
func (s *socket) endLocked(why *connections.Ending) bool {
	if s.ending != nil {
		return false
	}
	s.ending = why
	if s.timer != nil {
		s.timer.Stop()
	}
	s.t.pings.Leave(&s.turn)
	s.operations.end()
	s.cancel()
	s.held.ofUser.Release()
	return true
}

// Transport implements connections.Connection.
func (s *socket) Transport() string { return connections.WebSocket }

// User implements connections.Connection.
func (s *socket) User() string {
	if identity := s.currentIdentity(); identity != nil {
		return identity.Viewer.ID
	}
	return ""
}

// State implements connections.Connection.
func (s *socket) State() connections.State {
	s.mu.Lock()
	ending := s.ending
	s.mu.Unlock()
	return stateOf(s.out, &s.operations, ending)
}
