package transport

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// eventStream is one response that carries events. It exists before the response begins: in single connection mode operations
// may start before the client opens the stream. Only the goroutine of its handler writes.
type eventStream struct {
	ctx        context.Context // ends with the stream; operations run on it
	disconnect context.CancelFunc
	out        *outbox
	goroutines sync.WaitGroup // what puts into out
	leave      func()
	placeless  atomic.Bool // it carries no subscription, so the head need not wait for a place in the log

	begun bool // the head was sent; used by the handler alone, as ended
	ended bool // in order

	expiry  *time.Timer // disconnects the stream when the viewer's token ends; nil: never. The client comes back with a fresh token
	mu      sync.Mutex
	expires time.Time // when expiry fires
}

// prolong keeps the stream open for a token that lasts longer. A token that ends sooner is an older one: requests may overtake
// each other.
func (s *eventStream) prolong(until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.expiry != nil && s.ctx.Err() == nil && until.After(s.expires) {
		s.expires = until
		s.expiry.Reset(time.Until(until))
	}
}

// serve writes until the stream is over. A client that stops reading, or is slower than writeTimeout, is disconnected.
//
// first is sent at once, with the response's head. Without it the head waits for the first frame, which carries the place of a
// subscription in the log: a client that sees the stream open may assume that the subscription is active, and has the id to
// resume from. While the database does not answer, a new subscription has no place. Then nothing is sent, not even a
// heartbeat, and after startTimeout the client is told to reconnect, before a proxy on the way answers instead.
func (s *eventStream) serve(w http.ResponseWriter, r *http.Request, first []byte) {
	limitSendBuffer(r)
	eventHeaders(w.Header())
	out := eventWriter{w: w, controller: http.NewResponseController(w)}
	defer func() { s.begun = out.begun }()
	quiet, late := time.NewTicker(heartbeat), time.NewTimer(startTimeout)
	defer quiet.Stop()
	defer late.Stop()
	for going := first == nil || out.write(first); going; {
		select {
		case <-s.ctx.Done():
			return
		case f := <-s.out.frames:
			going = !f.late() && out.write(f.bytes)
			s.out.written(f)
			if f.last {
				s.ended = going
				return
			}
		case <-quiet.C:
			if out.begun || s.placeless.Load() {
				going = out.write(heartbeatComment)
			}
		case <-late.C:
			going = out.begun || s.placeless.Load()
		}
	}
}

func (s *eventStream) release() {
	s.disconnect()
	s.goroutines.Wait()
	if s.expiry != nil {
		s.expiry.Stop()
	}
	s.leave()
}

// eventWriter writes with a deadline each time.
type eventWriter struct {
	w          http.ResponseWriter
	controller *http.ResponseController
	begun      bool // the head was sent
}

func (e *eventWriter) write(bytes []byte) bool {
	e.begun = true
	_ = e.controller.SetWriteDeadline(time.Now().Add(timeFor(bytes)))
	_, err := e.w.Write(bytes)
	if err == nil {
		err = e.controller.Flush()
	}
	if err != nil {
		return false
	}
	_ = e.controller.SetWriteDeadline(time.Time{}) // HTTP/2 would end a stream whose deadline passes while it is quiet
	return true
}
