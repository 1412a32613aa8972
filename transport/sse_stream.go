package transport

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"studychat/auth"
	"studychat/graph"
	"studychat/transport/connections"
	"studychat/transport/wire"
)

// eventStream is one response that carries events. It exists before the response begins: in single connection mode operations
// may start before the client opens the stream.
type eventStream struct {
	t          *Transport
	ctx        context.Context // ends with the stream
	cancel     context.CancelFunc
	operations operations // in distinct mode one, whose id is ""
	out        *wire.Outbox
	held       connection
	turn       wire.Turn // for heartbeats
	user       string
	reserved   bool // single connection mode

	placeless atomic.Bool // it carries no subscription, so the head need not wait for a place in the log
	begun     atomic.Bool // net/http has sent the head
	complete  atomic.Bool // the stream has ended in order
	finished  atomic.Bool // the last frame was given to the outbox

	mu      sync.Mutex
	timer   *time.Timer   // for the place, and for the token
	startBy time.Time     // when the client must see the stream open; zero before it asks for it
	expires time.Time     // when the viewer's token ends: the client comes back with a fresh one; zero: never
	conn    net.Conn      // nil: net/http carries the stream
	in      *wire.Input   // of conn
	chunked bool          // HTTP/1.1
	unbegun func() []byte // what is sent when the stream ends before it began
	closing bool
	ending  *connections.Ending // why the stream ended; nil before
}

// newEventStream counts a stream, and registers it with those that Drain disconnects.
func (t *Transport) newEventStream(viewer auth.Viewer, r *http.Request) (*eventStream, error) {
	held, err := t.quotas.connection(viewer, r)
	if err != nil {
		return nil, err
	}
	s := &eventStream{t: t, held: held, expires: viewer.Expires, user: viewer.ID, reserved: r.Method == http.MethodPut}
	s.out = wire.NewOutbox(s)
	s.ctx, s.cancel = context.WithCancel(context.Background()) // the request ends before its stream
	if !t.streams.add(s) {
		s.held.release()
		return nil, errStopping
	}
	s.arm()
	return s, nil
}

// operationContext is the context of an operation that r has asked for. begin gives it an end.
func (s *eventStream) operationContext(r *http.Request, viewer auth.Viewer) context.Context {
	of := graph.RequestFrom(r.Context())
	of.Disconnect = s.retry
	return graph.WithRequest(auth.WithViewer(context.Background(), viewer), of)
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
	s.mu.Lock()
	s.startBy = time.Now().Add(startTimeout)
	s.armLocked()
	s.mu.Unlock()
	if t.takeOver(w, r, s, over) {
		return false
	}
	s.serve(w, r)
	over()
	return true
}

// serve sends the stream by net/http.
func (s *eventStream) serve(w http.ResponseWriter, r *http.Request) {
	stop := context.AfterFunc(r.Context(), func() { s.because(connections.Gone); s.disconnect() })
	defer stop()
	eventHeaders(w.Header())
	s.out.Open(&eventWriter{w, http.NewResponseController(w), s})
	<-s.ctx.Done()
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
func (s *eventStream) Slow() {
	s.because(connections.SlowReader)
	s.Broken()
}

// Waited implements wire.Owner.
func (s *eventStream) Waited(queued time.Duration) { s.t.stats.OutboxWait.Observe(queued) }

// Broken implements wire.Owner.
func (s *eventStream) Broken() {
	s.because(connections.Gone)
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
		s.complete.Store(true)
		s.becauseLocked(connections.Complete)
	}
	s.cancel()
	s.hangUpLocked(s.closing)
}

// retry ends the stream because its subscription cannot go on now.
func (s *eventStream) retry() {
	if s.t.streams.draining.Load() {
		s.restart()
		return
	}
	s.cutFor(connections.TryAgain)
}

// restart ends the stream so that its client connects to another instance.
func (s *eventStream) restart() { s.cutFor(connections.Restart) }

// disconnect ends the stream, and its operations.
func (s *eventStream) disconnect() {
	s.cancel()
	s.operations.end()
}

// release is called when the connection has ended.
func (s *eventStream) release() {
	s.disconnect()
	s.t.heartbeats.Leave(&s.turn)
	s.operations.wait()
	s.mu.Lock()
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Unlock()
	s.held.release()
	s.t.streams.remove(s)
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
