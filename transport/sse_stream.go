package transport

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"studychat/auth"
	"studychat/db"
	"studychat/graph"
)

// eventStream is one response that carries events, from before it begins: in single connection mode operations may start
// while the client is still on its way. One goroutine, its handler's, writes, and only until it returns.
type eventStream struct {
	ctx        context.Context // ends with the stream; operations run on it
	disconnect context.CancelFunc
	out        *outbox
	goroutines sync.WaitGroup // what puts into out
	leave      func()
	placeless  atomic.Bool // it carries no subscription: the head need not wait for a place in the log

	begun bool // the head is on its way; the handler's alone, as the next
	ended bool // in order

	mu      sync.Mutex
	expires time.Time   // when the viewer's token ends; zero: never
	expiry  *time.Timer // cuts the stream then; the client comes back with a fresh token
}

// reserveEvents makes a stream for the viewer of r, or answers why not: no token, too many streams, we are stopping. A GET is
// an EventSource's, which gives up for good on any status but 200: what will pass begins as a stream, and breaks.
func (t *Transport) reserveEvents(w http.ResponseWriter, r *http.Request) (*eventStream, bool) {
	viewer, err := auth.FromContext(r.Context())
	if err != nil {
		if r.Method == http.MethodGet && db.CodeOf(err) != db.CodeUnauthenticated {
			sendRetry(w, r)
		}
		t.refuse.stream(w, r, err)
		return nil, false
	}
	s := &eventStream{out: newOutbox()}
	s.ctx, s.disconnect = context.WithCancel(r.Context())
	if s.leave, err = t.admit(viewer, r, s.disconnect); err != nil {
		s.disconnect()
		if r.Method == http.MethodGet && errors.Is(err, errStopping) {
			sendRetry(w, r)
		}
		t.refuse.connection(w, r, err)
		return nil, false
	}
	of := graph.RequestFrom(s.ctx)
	of.Disconnect = s.disconnect
	s.ctx = graph.WithRequest(s.ctx, of)
	s.expireAt(viewer.Expires)
	return s, true
}

// admit counts a stream and registers it with those that Drain disconnects.
func (t *Transport) admit(viewer auth.Viewer, r *http.Request, disconnect func()) (leave func(), err error) {
	release, err := t.quotas.connection(viewer, r)
	if err != nil {
		return nil, err
	}
	remove, ok := t.streams.add(disconnect)
	if !ok {
		release()
		return nil, errStopping
	}
	return func() { release(); remove() }, nil
}

// sendRetry sends an EventSource away for a while. Breaking the connection off without a word would do as well, but for
// proxies, who make a 502 of it.
func sendRetry(w http.ResponseWriter, r *http.Request) {
	eventHeaders(w.Header())
	_, _ = w.Write(retryEvent)
	_ = http.NewResponseController(w).Flush()
	abort(r)
}

func eventHeaders(header http.Header) {
	header.Set("Content-Type", mediaEvents+"; charset=utf-8")
	header.Set("Cache-Control", "no-store, no-transform") // a proxy that compresses would hold events back (RFC 9111, 5.2.2.6)
	header.Set("X-Accel-Buffering", "no")                 // nginx would hold events back
}

// expireAt sets when the token ends.
func (s *eventStream) expireAt(at time.Time) {
	if at.IsZero() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expires, s.expiry = at, time.AfterFunc(time.Until(at), s.disconnect)
}

// prolong keeps the stream open for a token that lasts longer. One that ends sooner came late: requests overtake each other.
func (s *eventStream) prolong(until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.expiry != nil && until.After(s.expires) {
		s.expires = until
		s.expiry.Reset(time.Until(until))
	}
}

func (s *eventStream) stopExpiry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.expiry != nil {
		s.expiry.Stop()
		s.expiry = nil
	}
}

// serve writes until the stream is over. A reader who stalls, or needs longer than writeTimeout for what was put, is cut.
//
// first goes out at once, with the response's head. Without it the head waits for the first frame, which tells the place of a
// subscription in the log: a client that sees the stream open may take the subscription for active, and has the id to come back
// with. While the database does not answer a new subscription has no place. Then nothing is sent, not even a heartbeat, and
// after startTimeout the client is told to come back: before a proxy on the way answers in our place.
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

// closeEvents waits for the operations. The end of a response looks like the end of the stream; a broken connection does not,
// so a stream that did not end in order is broken off. One that did not even begin is refused, for a while; an EventSource would
// take a status for final.
func (t *Transport) closeEvents(w http.ResponseWriter, r *http.Request, s *eventStream) {
	s.release()
	switch {
	case s.ended:
	case s.begun:
		abort(r)
	case r.Method == http.MethodGet:
		sendRetry(w, r)
	default:
		t.refuse.forNow(w, r, t.streams.draining())
	}
}

func (s *eventStream) release() {
	s.disconnect()
	s.goroutines.Wait()
	s.stopExpiry()
	s.leave()
}

// eventWriter writes with a deadline each time.
type eventWriter struct {
	w          http.ResponseWriter
	controller *http.ResponseController
	begun      bool // the head is on its way
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
