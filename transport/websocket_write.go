package transport

import (
	"time"

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
func (s *socket) Broken() { s.drop() }

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
	if !s.endLocked() {
		return
	}
	wire.SetSendBuffer(s.conn, wire.ClosingBuffer)
	s.closeBy = time.Now().Add(closeTimeout)
	s.closing = time.AfterFunc(closeTimeout, s.in.Close)
	s.out.End(websocket.AppendClose(nil, code, reason))
}

// drop closes the socket without a close frame: the client does not read, or is gone.
func (s *socket) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.endLocked() {
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
func (s *socket) endLocked() bool {
	if s.ended {
		return false
	}
	s.ended = true
	if s.timer != nil {
		s.timer.Stop()
	}
	s.t.pings.Leave(&s.turn)
	s.operations.end()
	s.cancel()
	s.held.ofUser.Release()
	return true
}
