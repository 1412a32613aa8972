package transport

import (
	"context"
	"time"

	"github.com/coder/websocket"
)

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
	setSendBuffer(s.ctx, closingBuffer)
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
	for _, release := range s.release {
		release()
	}
	return true
}
