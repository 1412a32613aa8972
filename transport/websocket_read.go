package transport

import (
	"context"
	"io"
	"time"

	"github.com/coder/websocket"

	"studychat/auth"
)

// readMessage reads a message of a socket. One that is large has to arrive in time, since it takes of what is for all.
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
	viewer, _ := s.currentViewer() // named: before the init nothing is large
	release, ok := s.t.countLarge(auth.WithViewer(s.ctx, viewer), MaxBody)
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
