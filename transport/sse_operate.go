package transport

import (
	"context"
	"errors"
	"net/http"
	"time"

	"studychat/auth"
	"studychat/db"
	"studychat/transport/connections"
)

// reserved finds the stream that belongs to the token and to the viewer of the request. If it is nil, the request was answered.
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

// refuseNoStream gives the same answer for a stream that does not exist and for another viewer's.
func (a *reservations) refuseNoStream(w http.ResponseWriter, r *http.Request) {
	a.refuse.with(w, r, http.StatusNotFound, db.CodeNotFound, "There is no such stream. Reserve one by PUT.")
}

// operate starts an operation on a reserved stream, which carries its answers and errors.
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
	placed, err := kept.operations.begin(kept.operationContext(r, viewer), quote(id), func(ctx context.Context, op *running, _ []unplaced) {
		a.runner.follow(withStarted(ctx, op), in, true, op.place, &eventSink{kept.eventStream, op})
	})
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
		a.accept(w, r, kept, quote(id), placed)
	}
}

// accept answers when a subscription has its place in the log, since a client may conclude from the answer that it is active. If
// that takes too long the stream is disconnected, so that its client reconnects: after any other answer graphql-sse would open
// another stream without closing this one.
func (a *reservations) accept(w http.ResponseWriter, r *http.Request, kept *reservation, id string, placed <-chan struct{}) {
	late := time.NewTimer(startTimeout)
	defer late.Stop()
	select {
	case <-placed:
	case <-kept.ctx.Done():
	case <-late.C:
		kept.cutFor(connections.NotPlaced)
	case <-r.Context().Done(): // without this answer its client will never stop it
		kept.operations.stop(id)
	}
	if kept.ctx.Err() != nil {
		a.refuse.forNow(w, r, a.streams.draining.Load())
		return
	}
	w.WriteHeader(http.StatusAccepted)
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
	kept.operations.stop(quote(id))
	w.WriteHeader(http.StatusOK)
}

// prolong keeps the stream open for a token that lasts longer. A token that ends sooner is an older one: requests may overtake
// each other.
func (s *eventStream) prolong(until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.expires.IsZero() && until.After(s.expires) {
		s.expires = until
		s.armLocked()
	}
}

func (s *eventStream) arm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armLocked()
}

// armLocked sets the timer to what is due next.
func (s *eventStream) armLocked() {
	next := s.startBy
	if next.IsZero() || !s.expires.IsZero() && s.expires.Before(next) {
		next = s.expires
	}
	switch {
	case next.IsZero() || s.ctx.Err() != nil:
	case s.timer == nil:
		s.timer = time.AfterFunc(time.Until(next), s.timeIsUp)
	default:
		s.timer.Reset(time.Until(next))
	}
}

// timeIsUp is called when the stream has to be open, and when the token has ended. It trusts what it finds: the token may have been
// renewed since the timer fired.
func (s *eventStream) timeIsUp() {
	now := time.Now()
	s.mu.Lock()
	expired := !s.expires.IsZero() && !now.Before(s.expires)
	late := !s.startBy.IsZero() && !now.Before(s.startBy)
	if late {
		s.startBy = time.Time{}
	}
	s.mu.Unlock()
	switch {
	case expired:
		s.cutFor(connections.Expired)
	case late && !s.open():
		s.cutFor(connections.NotPlaced)
	default:
		s.arm()
	}
}
