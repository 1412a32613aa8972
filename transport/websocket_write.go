package transport

import (
	"context"
	"time"

	"github.com/coder/websocket"
)

// writeAll writes the frames of the outbox, and pings. A client that does not answer a ping for pongTimeout, or is slower than
// writeTimeout, is disconnected and may resume from its cursor: to keep a cursor is cheaper than to keep a backlog.
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
		case <-tick.C: // every second tick pings; the tick between looks for an answer
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

// write writes a frame. A slow write is not interrupted, because the close frame has to come after the whole frame. It says
// whether the socket goes on.
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

// unschedule stops everything that was scheduled.
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

// end closes the socket with a code, once, on another goroutine.
func (s *socket) end(code websocket.StatusCode, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.endLocked() {
		s.goroutines.Go(func() { s.closeHandshake(code, reason) })
	}
}

// closeHandshake is the closing handshake. The rest of a frame comes first, then the close frame; the frames in the outbox are
// dropped, since the client can resume from its cursor. Both fit into the kernel's buffer unless the frame is a large answer;
// closeTimeout bounds that, and the wait for the client's own close frame.
func (s *socket) closeHandshake(code websocket.StatusCode, reason string) {
	setSendBuffer(s.ctx, closingBuffer)
	late := time.AfterFunc(closeTimeout, func() { _ = s.raw.Close() })
	defer late.Stop()
	s.writing <- struct{}{}
	defer func() { <-s.writing }()
	_ = s.conn.Close(code, reason)
}

// drop closes the socket without a close frame: the client does not read, or is gone.
func (s *socket) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.endLocked() {
		s.goroutines.Go(func() { _ = s.conn.CloseNow() })
	}
}

// endLocked is true for the first end of the socket.
func (s *socket) endLocked() bool {
	if s.ended {
		return false
	}
	s.ended = true
	s.stopTimersLocked()
	s.operations.end()
	s.cancel()
	for _, release := range s.release {
		release()
	}
	return true
}
