package transport

import (
	"errors"
	"io"
	"math"
	"time"

	"studychat/auth"
	"studychat/transport/websocket"
)

// read reads until the socket has ended and everything that belonged to it. A goroutine that has handled messages is replaced by
// a new one before it waits for more: its stack has grown, and an idle socket should hold little memory.
//
// The pings bound how long it waits for a client that is gone.
func (s *socket) read() {
	for s.ctx.Err() == nil {
		text, message, release, err := s.readMessage()
		if err != nil {
			s.readLast(err)
			return
		}
		s.heard.Store(true)
		switch {
		case s.ctx.Err() != nil, !s.keepsPace():
			release()
		case !text:
			release()
			s.end(closeBadRequest, reasonBadMessage)
		default:
			if v := s.receive(message, release); v != nil {
				s.end(v.code, v.reason)
			}
		}
		if !s.in.Buffered() {
			go s.read()
			return
		}
	}
	s.readLast(nil)
}

// readLast ends the socket if the client has ended it, reads up to the client's close frame, and waits for what belonged to the
// socket. The registry waits for that: after Drain the database is closed, and operations still use it.
func (s *socket) readLast(err error) {
	if violation, ok := errors.AsType[*websocket.Violation](err); ok {
		s.end(violation.Code, violation.Reason)
		err = nil
	}
	s.reader.SetLimit(math.MaxInt64)
	for err == nil {
		_, err = s.reader.Next()
	}
	if closed, ok := errors.AsType[*websocket.Closed](err); ok {
		s.answerClose(closed.Code)
	} else if _, ok := errors.AsType[*websocket.Violation](err); ok {
		s.reader.Discard() // closing with unread bytes would reset the connection, and the client would not see the close frame
	}
	s.drop(err) // does nothing if it is being closed with a code
	s.out.Wait()
	s.hangUp()
	s.goroutines.Wait()
	s.operations.wait()
	s.held.release()
	s.t.streams.remove(s)
}

// keepsPace counts a message, or a ping frame of WebSocket; too many end the socket.
func (s *socket) keepsPace() bool {
	ok := s.pace.Add(time.Now(), messagesInterval) <= messagesBurst*messagesInterval
	if !ok {
		s.end(closeTooFast, "Too many messages")
	}
	return ok
}

// control answers a ping frame (RFC 6455, 5.5.3) in the same way as a ping of graphql-transport-ws.
func (s *socket) control(op websocket.Opcode, payload []byte) {
	if op == websocket.Ping && s.ctx.Err() == nil && s.keepsPace() {
		s.pong(websocket.AppendFrame(nil, websocket.Pong, payload))
	}
}

// readMessage reads a message. A large one has to arrive in time, since it holds a part of the quota of all clients.
func (s *socket) readMessage() (text bool, message []byte, release func(), err error) {
	release = func() {}
	kind, err := s.reader.Next()
	if err != nil {
		return false, nil, release, err
	}
	message, err = io.ReadAll(io.LimitReader(s.reader, smallBody+1))
	if err == nil && len(message) > smallBody {
		message, release, err = s.readLarge(message)
	}
	return kind == websocket.Text, message, release, err
}

func (s *socket) readLarge(begin []byte) (message []byte, release func(), err error) {
	identity := s.currentIdentity() // authenticated: messages before the init are small
	release, ok := s.t.quotas.largeBody(auth.WithIdentity(s.ctx, identity), MaxBody)
	if !ok {
		s.end(closeTryAgain, "Too many large messages")
		return nil, func() {}, nil
	}
	late := time.AfterFunc(largeTimeout, func() { s.end(closeTryAgain, "Slow message") })
	defer late.Stop()
	message, err = readRest(s.reader, begin, 2*len(begin), func() { s.heard.Store(true) })
	if err != nil {
		release()
		release = func() {}
	}
	return message, release, err
}
