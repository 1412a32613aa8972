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
	"studychat/transport/admission"
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
	*Transport

	mu      sync.Mutex
	byToken map[string]*reservation
}

func newReservations(t *Transport) *reservations {
	return &reservations{Transport: t, byToken: map[string]*reservation{}}
}

// serve serves /graphql/stream.
func (a *reservations) serve(w http.ResponseWriter, r *http.Request) {
	token := streamToken(r)
	switch {
	case r.Method == http.MethodPut:
		a.reserve(w, r)
	case token == "" && r.Method == http.MethodGet && negotiate(r.Header.Values("Accept")) == mediaEvents:
		a.serveEventSource(w, r)
	case token == "" && r.Method == http.MethodPost:
		a.servePost(w, r)
	case token == "" && r.Method == http.MethodGet:
		a.refuse.with(w, r, http.StatusNotAcceptable, db.CodeBadUserInput, "A stream needs Accept: "+mediaEvents+".")
	case r.Method == http.MethodGet:
		a.openReserved(w, r, token)
	case r.Method == http.MethodPost:
		a.operate(w, r, token)
	case r.Method == http.MethodDelete:
		a.stopOperation(w, r, token)
	default:
		a.refuse.method(w, r, "GET, POST, PUT, DELETE, OPTIONS")
	}
}

func streamToken(r *http.Request) string {
	if token := r.Header.Get("X-Graphql-Event-Stream-Token"); token != "" {
		return token
	}
	return r.URL.Query().Get("token")
}

func (a *reservations) reserve(w http.ResponseWriter, r *http.Request) {
	s, ok := a.reserveEvents(w, r.WithContext(context.WithoutCancel(r.Context()))) // it outlives this request
	if !ok {
		return
	}
	viewer, _ := auth.FromContext(r.Context())
	leave, ok := a.quotas.Acquire("reservations:"+viewer.ID, 1, maxReservations)
	if !ok {
		s.release()
		a.warnings.Refused(admission.ReservedRefused, r)
		a.refuse.tooMany(w, r, "You have too many streams reserved.")
		return
	}
	token := rand.Text()
	kept := &reservation{eventStream: s, viewer: viewer.ID, operations: newOperations()}
	kept.forget = func() { a.remove(token); leave() }
	a.add(token, kept)
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
func (a *reservations) openReserved(w http.ResponseWriter, r *http.Request, token string) {
	kept := a.find(token)
	if viewer, err := auth.FromContext(r.Context()); kept == nil || err == nil && viewer.ID != kept.viewer || !a.origins.Admits(r) {
		a.refuseNoStream(w, r)
		return
	}
	if !kept.claim() {
		a.refuse.with(w, r, http.StatusConflict, db.CodeConflict, "The stream is open already.")
		return
	}
	stop := context.AfterFunc(r.Context(), kept.disconnect)
	defer stop()
	kept.serve(w, r, heartbeatComment) // at once: operations may come only when the client sees the stream open
	kept.release()
	abort(r) // it never ends in order: only its client, or an end of ours, ends it
}

// release ends the reservation, once, by the one who claimed it.
func (kept *reservation) release() {
	kept.unclaimed.Stop()
	kept.operations.end()
	kept.disconnect()
	kept.operations.wait()
	kept.eventStream.release()
	kept.forget()
}

// reserved is the stream that a request of its viewer means; otherwise it has answered.
func (a *reservations) reserved(w http.ResponseWriter, r *http.Request, token string) *reservation {
	viewer, err := auth.FromContext(r.Context())
	if err != nil {
		a.refuse.stream(w, r, err)
		return nil
	}
	kept := a.find(token)
	if kept == nil || kept.viewer != viewer.ID {
		a.refuseNoStream(w, r)
		return nil
	}
	kept.prolong(viewer.Expires)
	return kept
}

// refuseNoStream is the same for a stream that is not there and for another's.
func (a *reservations) refuseNoStream(w http.ResponseWriter, r *http.Request) {
	a.refuse.with(w, r, http.StatusNotFound, db.CodeNotFound, "There is no such stream. Reserve one by PUT.")
}

// operate starts an operation on a reserved stream. Everything about it, errors too, is told on the stream.
func (a *reservations) operate(w http.ResponseWriter, r *http.Request, token string) {
	kept := a.reserved(w, r, token)
	if kept == nil {
		return
	}
	in, err := a.readParams(w, r)
	if err != nil {
		a.refuse.unread(w, r, err)
		return
	}
	id, _ := in.Extensions["operationId"].(string)
	if id == "" || len(id) > maxOperationID {
		in.release()
		a.refuse.with(w, r, http.StatusBadRequest, db.CodeBadUserInput, "extensions.operationId must be a text of 1 to 200 bytes.")
		return
	}
	viewer, _ := auth.FromContext(r.Context())
	of := graph.RequestFrom(kept.ctx)
	of.ID = graph.RequestFrom(r.Context()).ID
	ctx := graph.WithRequest(auth.WithViewer(kept.ctx, viewer), of)
	op, err := kept.operations.begin(ctx, id, func(ctx context.Context, op *running, _ []*running) { a.run(ctx, kept, op, in) })
	if err != nil {
		in.release()
	}
	switch {
	case errors.Is(err, errTakenID):
		a.refuse.with(w, r, http.StatusConflict, db.CodeConflict, "There is an operation with this id already.")
	case errors.Is(err, errTooManyOperations):
		a.refuse.tooMany(w, r, "A stream may have at most 50 operations.")
	case err != nil:
		a.refuseNoStream(w, r)
	default:
		a.accept(w, r, kept, op)
	}
}

// accept answers when a subscription has its place in the log, since a client may take the answer for a sign that it is active.
// If that takes too long the stream is cut, and its client comes back: graphql-sse opens another stream after any other answer,
// and forgets to close this one.
func (a *reservations) accept(w http.ResponseWriter, r *http.Request, kept *reservation, op *running) {
	late := time.NewTimer(startTimeout)
	defer late.Stop()
	select {
	case <-op.placed:
	case <-kept.ctx.Done():
	case <-late.C:
		kept.disconnect()
	case <-r.Context().Done(): // nobody will ask for its end, for want of this answer
		kept.operations.stop(op.id)
	}
	if kept.ctx.Err() != nil {
		a.refuse.forNow(w, r, a.streams.draining())
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// run tells everything about an operation on the stream.
func (a *reservations) run(ctx context.Context, kept *reservation, op *running, in *incoming) {
	a.runner.follow(withStarted(ctx, op), in, anything, op.place, func(answer []byte) error {
		return kept.out.put(ctx, eventNext(op.id, answer, ""))
	})
	if op.complete() {
		_ = kept.out.put(kept.ctx, eventComplete(op.id))
	}
}

func (a *reservations) stopOperation(w http.ResponseWriter, r *http.Request, token string) {
	kept := a.reserved(w, r, token)
	if kept == nil {
		return
	}
	id := r.URL.Query().Get("operationId")
	if id == "" {
		a.refuse.with(w, r, http.StatusBadRequest, db.CodeBadUserInput, "operationId is missing.")
		return
	}
	kept.operations.stop(id)
	w.WriteHeader(http.StatusOK)
}
