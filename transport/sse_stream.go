package transport

import (
	"context"
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

	begun atomic.Bool   // the head was sent
	ended chan struct{} // closed when the stream has ended in order
	turn  wire.Turn     // for heartbeats

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
func (s *eventStream) serve(w http.ResponseWriter, r *http.Request, heartbeats *wire.Rounds, first []byte) {
	if r.ProtoMajor == 1 { // HTTP/2 has a window for each stream
		wire.SetSendBuffer(connOf(r.Context()), wire.SendBuffer)
	}
	eventHeaders(w.Header())
	if first != nil {
		s.out.Offer(first) // without room there is something else to begin with
	}
	s.out.Open(&eventWriter{w, http.NewResponseController(w), s})
	heartbeats.Join(&s.turn, s.beat)
	defer heartbeats.Leave(&s.turn)
	late := time.AfterFunc(startTimeout, func() {
		if !s.open() {
			s.disconnect()
		}
	})
	defer late.Stop()
	select {
	case <-s.ctx.Done():
	case <-s.ended:
	}
	s.out.End(nil)
	s.out.Wait()
}

// open says whether the client may see the stream open.
func (s *eventStream) open() bool { return s.begun.Load() || s.placeless.Load() }

func (s *eventStream) beat() {
	if s.open() {
		s.out.Offer(heartbeatComment)
	}
}

// Slow implements wire.Owner.
func (s *eventStream) Slow() { s.Broken() }

// Broken implements wire.Owner.
func (s *eventStream) Broken() {
	s.disconnect()
	s.out.End(nil)
}

// Written implements wire.Owner.
func (s *eventStream) Written() { close(s.ended) }

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
	if !r.ProtoAtLeast(1, 1) {
		wire.ResetOnClose(connOf(r.Context()))
	}
	panic(http.ErrAbortHandler)
}
