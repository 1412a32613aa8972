package transport

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"studychat/auth"
	"studychat/db"
	"studychat/graph"
)

// Bounds of single connection mode.
const (
	reservationTimeout = 15 * time.Second // for the client to open the stream it reserved
	maxReservations    = 100              // per viewer
)

// reservation is one stream of graphql-sse's single connection mode
// (https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md): reserved by PUT, opened by GET, fed by POST, relieved
// of an operation by DELETE. It lives on one instance: a balancer must send a client's requests to the same one.
type reservation struct {
	*eventStream

	viewer    string
	unclaimed *time.Timer
	forget    func()

	operations *operations
	claimed    atomic.Bool // somebody is to end it
}

// reservations are those of this instance. A token is a secret of its viewer, and of use to that viewer alone.
type reservations struct {
	mu      sync.Mutex
	byToken map[string]*reservation
}

func newReservations() *reservations { return &reservations{byToken: map[string]*reservation{}} }

// stream serves /graphql/stream.
func (t *Transport) stream(w http.ResponseWriter, r *http.Request) {
	token := streamToken(r)
	switch {
	case r.Method == http.MethodPut:
		t.reserve(w, r)
	case token == "" && r.Method == http.MethodGet && negotiate(r.Header.Values("Accept")) == mediaEvents:
		t.serveEventSource(w, r)
	case token == "" && r.Method == http.MethodPost:
		t.servePost(w, r)
	case token == "" && r.Method == http.MethodGet:
		refuse(w, http.StatusNotAcceptable, db.CodeBadUserInput, "A stream needs Accept: "+mediaEvents+".")
	case r.Method == http.MethodGet:
		t.openReserved(w, r, token)
	case r.Method == http.MethodPost:
		t.operate(w, r, token)
	case r.Method == http.MethodDelete:
		t.stopOperation(w, r, token)
	default:
		refuseMethod(w, "GET, POST, PUT, DELETE, OPTIONS")
	}
}

func streamToken(r *http.Request) string {
	if token := r.Header.Get("X-Graphql-Event-Stream-Token"); token != "" {
		return token
	}
	return r.URL.Query().Get("token")
}

func (t *Transport) reserve(w http.ResponseWriter, r *http.Request) {
	s, ok := t.reserveEvents(w, r.WithContext(context.WithoutCancel(r.Context()))) // it outlives this request
	if !ok {
		return
	}
	viewer, _ := auth.FromContext(r.Context())
	leave, ok := t.seats.take("reservations:"+viewer.ID, maxReservations)
	if !ok {
		s.release()
		t.warnings.refused(causeReserved, r)
		refuseTooMany(w, "You have too many streams reserved.")
		return
	}
	token := rand.Text()
	kept := &reservation{eventStream: s, viewer: viewer.ID, operations: newOperations()}
	kept.forget = func() { t.reservations.remove(token); leave() }
	t.reservations.add(token, kept)
	unclaimed := func() {
		if kept.claim() {
			kept.release()
		}
	}
	kept.unclaimed = time.AfterFunc(reservationTimeout, unclaimed)
	context.AfterFunc(s.ctx, unclaimed) // cut before it was opened
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write([]byte(token))
}

func (a *reservations) add(token string, kept *reservation) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.byToken[token] = kept
}

func (a *reservations) remove(token string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.byToken, token)
}

func (a *reservations) find(token string) *reservation {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.byToken[token]
}

// claim is true once: for the one who is to end the reservation.
func (kept *reservation) claim() bool { return !kept.claimed.Swap(true) }

// openReserved is a GET: it may come from an EventSource, which sends no header; the token is its ticket then.
func (t *Transport) openReserved(w http.ResponseWriter, r *http.Request, token string) {
	kept := t.reservations.find(token)
	if viewer, err := auth.FromContext(r.Context()); kept == nil || err == nil && viewer.ID != kept.viewer || !t.origins.admits(r) {
		refuseNoStream(w)
		return
	}
	if !kept.claim() {
		refuse(w, http.StatusConflict, db.CodeConflict, "The stream is open already.")
		return
	}
	stop := context.AfterFunc(r.Context(), kept.cut)
	defer stop()
	kept.serve(w, r, heartbeatComment) // at once: operations may come only when the client sees the stream open
	kept.release()
	breakOff(r) // it never ends in order: only its client, or an end of ours, ends it
}

// release ends the reservation, once, by the one who claimed it.
func (kept *reservation) release() {
	kept.unclaimed.Stop()
	kept.operations.end()
	kept.cut()
	kept.operations.wait()
	kept.eventStream.release()
	kept.forget()
}

// reserved is the stream that a request of its viewer means; otherwise it has answered.
func (t *Transport) reserved(w http.ResponseWriter, r *http.Request, token string) *reservation {
	viewer, err := auth.FromContext(r.Context())
	if err != nil {
		refuseViewer(w, err)
		return nil
	}
	kept := t.reservations.find(token)
	if kept == nil || kept.viewer != viewer.ID {
		refuseNoStream(w)
		return nil
	}
	kept.prolong(viewer.Expires)
	return kept
}

// refuseNoStream is the same for a stream that is not there and for another's.
func refuseNoStream(w http.ResponseWriter) {
	refuse(w, http.StatusNotFound, db.CodeNotFound, "There is no such stream. Reserve one by PUT.")
}

// operate starts an operation on a reserved stream. Everything about it, errors too, is told on the stream.
func (t *Transport) operate(w http.ResponseWriter, r *http.Request, token string) {
	kept := t.reserved(w, r, token)
	if kept == nil {
		return
	}
	in, err := t.readParams(w, r)
	if err != nil {
		refuseFor(w, err)
		return
	}
	id, _ := in.Extensions["operationId"].(string)
	if id == "" || len(id) > maxOperationID {
		in.release()
		refuse(w, http.StatusBadRequest, db.CodeBadUserInput, "extensions.operationId must be a text of 1 to 200 bytes.")
		return
	}
	viewer, _ := auth.FromContext(r.Context())
	ctx := graph.WithRequestID(auth.WithViewer(kept.ctx, viewer), graph.RequestID(r.Context()))
	op, err := kept.operations.begin(ctx, id, func(ctx context.Context, op *running, _ []*running) { t.run(ctx, kept, op, in) })
	if err != nil {
		in.release()
	}
	switch {
	case errors.Is(err, errTakenID):
		refuse(w, http.StatusConflict, db.CodeConflict, "There is an operation with this id already.")
	case errors.Is(err, errTooManyOperations):
		refuseTooMany(w, "A stream may have at most 50 operations.")
	case err != nil:
		refuseNoStream(w)
	default:
		t.accept(w, r, kept, op)
	}
}

// accept answers when a subscription has its place in the log, since a client may take the answer for a sign that it is active.
// If that takes too long the stream is cut, and its client comes back: graphql-sse opens another stream after any other answer,
// and forgets to close this one.
func (t *Transport) accept(w http.ResponseWriter, r *http.Request, kept *reservation, op *running) {
	late := time.NewTimer(startTimeout)
	defer late.Stop()
	select {
	case <-op.placed:
	case <-kept.ctx.Done():
	case <-late.C:
		kept.cut()
	case <-r.Context().Done(): // nobody will ask for its end, for want of this answer
		kept.operations.stop(op.id)
	}
	if kept.ctx.Err() != nil {
		t.refuseForNow(w)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// run tells everything about an operation on the stream.
func (t *Transport) run(ctx context.Context, kept *reservation, op *running, in *incoming) {
	ctx = graph.WithStarted(ctx, func(string) { op.place() })
	t.follow(ctx, in, anything, op.place, func(answer []byte) error {
		return kept.out.put(ctx, eventNext(op.id, answer, ""))
	})
	if op.complete() {
		_ = kept.out.put(kept.ctx, eventComplete(op.id))
	}
}

func (t *Transport) stopOperation(w http.ResponseWriter, r *http.Request, token string) {
	kept := t.reserved(w, r, token)
	if kept == nil {
		return
	}
	id := r.URL.Query().Get("operationId")
	if id == "" {
		refuse(w, http.StatusBadRequest, db.CodeBadUserInput, "operationId is missing.")
		return
	}
	kept.operations.stop(id)
	w.WriteHeader(http.StatusOK)
}
