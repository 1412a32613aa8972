package transport

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"studychat/graph"
	"studychat/transport/wire"
)

// eventStream is one response that carries events. It exists before the response begins: in single connection mode operations
// may start before the client opens the stream.
type eventStream struct {
	ctx          context.Context // ends with the stream; operations run on it
	disconnect   context.CancelFunc
	out          *wire.Outbox
	goroutines   sync.WaitGroup      // what puts into out
	subscription *graph.Subscription // of distinct mode, once it goes on by itself
	leave        func()
	placeless    atomic.Bool // it carries no subscription, so the head need not wait for a place in the log

	begun atomic.Bool   // net/http has sent the head
	ended chan struct{} // closed when the stream has ended in order
	turn  wire.Turn     // for heartbeats
	late  *time.Timer   // for the place

	expiry *time.Timer // disconnects the stream when the viewer's token ends; nil: never. The client comes back with a fresh token

	mu      sync.Mutex
	expires time.Time     // when expiry fires
	conn    net.Conn      // nil: net/http carries the stream
	in      *wire.Input   // of conn
	chunked bool          // HTTP/1.1
	unbegun func() []byte // what is sent when the stream ends before it began
	closing bool
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

// carry sends the stream, and calls over when it has ended. A client that stops reading, or is slower than writeTimeout, is
// disconnected. Where net/http carries the stream, carry returns then; it says so.
//
// first is sent at once, with the response's head. Without it the head waits for the first frame, which carries the place of a
// subscription in the log: a client that sees the stream open may assume that the subscription is active, and has the id to
// resume from. While the database does not answer, a new subscription has no place. Then nothing is sent, not even a
// heartbeat, and after startTimeout the client is told to reconnect, before a proxy on the way answers instead.
func (t *Transport) carry(w http.ResponseWriter, r *http.Request, s *eventStream, first []byte, over func()) (served bool) {
	if first != nil {
		s.out.Offer(first) // without room there is something else to begin with
	}
	t.heartbeats.Join(&s.turn, s.beat)
	s.late = time.AfterFunc(startTimeout, func() {
		if !s.open() {
			s.cut()
		}
	})
	ended := func() {
		t.heartbeats.Leave(&s.turn)
		s.late.Stop()
		over()
	}
	if t.takeOver(w, r, s, ended) {
		return false
	}
	s.serve(w, r)
	ended()
	return true
}

// serve sends the stream by net/http.
func (s *eventStream) serve(w http.ResponseWriter, r *http.Request) {
	stop := context.AfterFunc(r.Context(), s.disconnect)
	defer stop()
	eventHeaders(w.Header())
	s.out.Open(&eventWriter{w, http.NewResponseController(w), s})
	select {
	case <-s.ctx.Done():
	case <-s.ended:
	}
	s.out.End(nil)
	s.out.Wait()
}

// open says whether the client may see the stream open.
func (s *eventStream) open() bool { return s.out.Begun() || s.placeless.Load() }

func (s *eventStream) beat() {
	if s.open() {
		s.out.Offer(heartbeatComment)
		s.settle()
	}
}

// Slow implements wire.Owner.
func (s *eventStream) Slow() { s.Broken() }

// Broken implements wire.Owner.
func (s *eventStream) Broken() {
	s.disconnect()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hangUpLocked(true)
}

// Written implements wire.Owner.
func (s *eventStream) Written() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closing {
		close(s.ended)
	}
	s.hangUpLocked(s.closing)
}

// endedInOrder says whether everything was sent. It may be asked when serve has returned.
func (s *eventStream) endedInOrder() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

func (s *eventStream) release() {
	s.disconnect()
	s.goroutines.Wait()
	if s.subscription != nil {
		s.subscription.Stop()
	}
	if s.expiry != nil {
		s.expiry.Stop()
	}
	s.leave()
}

// eventWriter writes with a deadline each time.
type eventWriter struct {
	w          http.ResponseWriter
	controller *http.ResponseController
	stream     *eventStream
}

// Write implements io.Writer.
func (e *eventWriter) Write(bytes []byte) (int, error) {
	e.stream.begun.Store(true)
	_ = e.controller.SetWriteDeadline(time.Now().Add(wire.TimeFor(len(bytes))))
	n, err := e.w.Write(bytes)
	if err == nil {
		err = e.controller.Flush()
	}
	if err == nil {
		_ = e.controller.SetWriteDeadline(time.Time{}) // HTTP/2 would end a stream whose deadline passes while it is quiet
	}
	return n, err
}

// abort ends a response so that its client sees a failure.
func abort(r *http.Request) {
	if conn := connOf(r.Context()); conn != nil && !r.ProtoAtLeast(1, 1) {
		wire.ResetOnClose(conn)
	}
	panic(http.ErrAbortHandler)
}
