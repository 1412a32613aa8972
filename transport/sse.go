package transport

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"studychat/auth"
	"studychat/db"
	"studychat/graph"
	"studychat/transport/connections"
	"studychat/transport/params"
)

// serveEvents carries one operation as Server-Sent Events: graphql-sse's distinct connections mode
// (https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md). Errors of the operation are sent in an event, as the
// protocol asks. A missing or invalid token is answered with an HTTP status, never with an event: clients would
// read an event as the normal end of the stream.
//
// A subscription's stream begins with an id without an event, the cursor from which it goes on: a client that is disconnected
// before the first event resumes from it.
//
// The header Last-Event-ID says from where the stream goes on. A browser's EventSource sends it by itself, and so do libraries
// that read streams by POST.
func (t *Transport) serveEvents(w http.ResponseWriter, r *http.Request, in *incoming) {
	s, viewer := t.reserveEvents(w, r)
	if s == nil {
		in.release()
		return
	}
	ctx, mayMutate := s.operationContext(r, viewer), r.Method == http.MethodPost
	_, err := s.operations.begin(ctx, "", func(ctx context.Context, op *running, _ []unplaced) {
		of := graph.RequestFrom(ctx)
		of.Started = func(cursor string) { _ = s.out.Put(ctx, eventID(cursor)) } // fails only with the stream
		of.Resume = r.Header.Get("Last-Event-ID")                                // clients that use fetch repeat the body of their first request too
		t.runner.follow(graph.WithRequest(ctx, of), in, mayMutate, func() { s.placeless.Store(true) }, &eventSink{s, op})
		s.settle()
	})
	if err != nil { // it was disconnected already
		in.release()
	}
	if t.carry(w, r, s, nil, s.release) {
		t.closeEvents(w, r, s)
	}
}

// serveEventSource is serveEvents for a browser's EventSource, which can neither post nor send headers: the operation
// is in the URL, and the token may be (RFC 6750, 2.3).
func (t *Transport) serveEventSource(w http.ResponseWriter, r *http.Request) {
	if !t.origins.Admits(r) {
		t.refuse.with(w, r, http.StatusForbidden, db.CodeForbidden, "This origin may not open a stream.")
		return
	}
	read, err := params.FromQuery(r.URL.RawQuery)
	if err != nil {
		t.refuse.unread(w, r, err)
		return
	}
	ctx := r.Context()
	if tokens := r.URL.Query()["access_token"]; len(tokens) > 0 && r.Header.Get("Authorization") == "" {
		ctx, _ = auth.Authenticate(ctx, t.options.Verifier, "Bearer "+strings.Join(tokens, ", ")) // two credentials count as none
	}
	t.serveEvents(w, r.WithContext(ctx), small(read))
}

// reserveEvents makes a stream for the viewer of r, or answers why not and returns nil: no token, too many streams, this
// instance is stopping. A GET comes from an EventSource, which gives up for good on any status but 200. So for a temporary reason
// its stream begins and is then aborted.
func (t *Transport) reserveEvents(w http.ResponseWriter, r *http.Request) (*eventStream, auth.Viewer) {
	viewer, err := auth.FromContext(r.Context())
	if err != nil {
		if r.Method == http.MethodGet && db.CodeOf(err) != db.CodeUnauthenticated {
			sendRetry(w, r)
		}
		t.refuse.stream(w, r, err)
		return nil, viewer
	}
	s, err := t.newEventStream(viewer, r)
	if err != nil {
		if r.Method == http.MethodGet && errors.Is(err, errStopping) {
			sendRetry(w, r)
		}
		t.refuse.connection(w, r, err)
		return nil, viewer
	}
	return s, viewer
}

// sendRetry tells an EventSource to reconnect later. Aborting without a response would do the same, but a proxy would turn that
// into a 502.
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

// closeEvents ends the response of net/http. Clients take the end of a response for the end of the stream, so a stream that did not
// end in order is aborted. A stream that never began is refused for now; an EventSource is told to reconnect, since it would
// give up on a status.
func (t *Transport) closeEvents(w http.ResponseWriter, r *http.Request, s *eventStream) {
	switch {
	case s.complete.Load():
	case s.begun.Load():
		abort(r)
	case r.Method == http.MethodGet:
		sendRetry(w, r)
	default:
		t.refuse.forNow(w, r, t.streams.draining.Load())
	}
}

// eventSink is where the answers of one operation go.
type eventSink struct {
	stream *eventStream
	op     *running // its id is "" in distinct mode
}

// Put implements graph.Sink.
func (k *eventSink) Put(ctx context.Context, answer graph.Answer) error {
	return k.stream.out.Put(ctx, eventNext(k.op.id, answer.Payload, cursorFor(k.op.id, answer)))
}

// Offer implements graph.Sink.
func (k *eventSink) Offer(batch *graph.Batch) bool {
	return k.stream.out.Offer(eventFrames(batch, k.op.id))
}

// End implements graph.Sink. In distinct mode the stream ends with its operation.
func (k *eventSink) End() {
	switch {
	case !k.op.complete():
	case k.op.id == "":
		k.stream.finished.Store(true)
		_ = k.stream.out.Last(k.stream.ctx, eventComplete(""))
	default:
		_ = k.stream.out.Put(k.stream.ctx, eventComplete(k.op.id))
	}
}

// because notes why the stream ends. The first reason counts.
func (s *eventStream) because(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.becauseLocked(reason)
}

func (s *eventStream) becauseLocked(reason string) {
	if s.ending != nil {
		return
	}
	if reason == connections.Gone && s.finished.Load() { // a client that has read the end may leave before the writer says so
		reason = connections.Complete
	}
	if reason == connections.Complete && s.placeless.Load() {
		reason = connections.Answered
	}
	s.ending = connections.ByServer(0, reason)
}

// Transport implements connections.Connection.
func (s *eventStream) Transport() string {
	if s.reserved {
		return connections.Reserved
	}
	return connections.Events
}

// User implements connections.Connection.
func (s *eventStream) User() string { return s.user }

// State implements connections.Connection.
func (s *eventStream) State() connections.State {
	s.mu.Lock()
	ending := s.ending
	s.mu.Unlock()
	return stateOf(s.out, &s.operations, ending)
}
