package transport

import (
	"context"
	"crypto/rand"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"studychat/auth"
	"studychat/db"
	"studychat/transport/admission"
	"studychat/transport/connections"
)

// Bounds of single connection mode.
const (
	reservationTimeout = 15 * time.Second // for the client to open the stream it reserved
	maxReservations    = 100              // per viewer
)

// reservation is one stream of graphql-sse's single connection mode
// (https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md): PUT reserves it, GET opens it, POST starts an operation on
// it, DELETE stops one. It lives on one instance, to which a load balancer must send all requests of the client.
type reservation struct {
	*eventStream

	viewer    string
	unclaimed *time.Timer
	forget    func()

	claimed atomic.Bool // by what will release it
}

// reservations are the reservations of this instance, and serve single connection mode. A token is a secret of its viewer, and
// works for that viewer alone.
type reservations struct {
	*Transport

	byToken sync.Map // of *reservation
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
	s, viewer := a.reserveEvents(w, r)
	if s == nil {
		return
	}
	held, ok := a.quotas.Acquire("reservations:"+viewer.ID, 1, maxReservations)
	if !ok {
		s.because("Too many streams reserved")
		s.release()
		a.warnings.Refused(admission.ReservedRefused, r)
		a.refuse.tooMany(w, r, "You have too many streams reserved.")
		return
	}
	token := rand.Text()
	kept := &reservation{eventStream: s, viewer: viewer.ID}
	kept.forget = func() { a.byToken.Delete(token); held.Release() }
	a.byToken.Store(token, kept)
	unclaimed := func() {
		if kept.claim() {
			kept.release()
		}
	}
	kept.mu.Lock() // the timer may be read before it is written
	kept.unclaimed = time.AfterFunc(reservationTimeout, unclaimed)
	kept.mu.Unlock()
	context.AfterFunc(s.ctx, unclaimed) // disconnected before it was opened
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write([]byte(token))
}

// find returns nil for an unknown token.
func (a *reservations) find(token string) *reservation {
	found, _ := a.byToken.Load(token)
	kept, _ := found.(*reservation)
	return kept
}

// claim is true once: for the caller that has to release the reservation.
func (kept *reservation) claim() bool { return !kept.claimed.Swap(true) }

// openReserved serves a GET. It may come from an EventSource, which sends no header: then the token alone authorizes it.
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
	// The head goes at once: the client may start operations only when it sees the stream open.
	if a.carry(w, r, kept.eventStream, heartbeatComment, kept.release) {
		abort(r) // it never ends in order
	}
}

// release ends the reservation; its one caller has claimed it.
func (kept *reservation) release() {
	kept.mu.Lock()
	kept.unclaimed.Stop()
	kept.mu.Unlock()
	kept.cutFor(connections.Unclaimed) // unless it has ended already
	kept.eventStream.release()
	kept.forget()
}
