package transport

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"studychat/auth"
	"studychat/graph"
)

// serveEvents carries one operation as Server-Sent Events.
func (t *Transport) serveEvents(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	out := &eventWriter{ResponseWriter: w, controller: http.NewResponseController(w), cancel: cancel}
	leave, ok := t.live.enter(out.cut)
	if !ok {
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusServiceUnavailable, "This instance is stopping.")
		return
	}
	defer leave()
	if viewer, err := auth.FromContext(ctx); err == nil && !viewer.Expires.IsZero() {
		expiry := time.AfterFunc(time.Until(viewer.Expires), out.cut) // the client comes back with a fresh token
		defer expiry.Stop()
	}
	w.Header().Set("X-Accel-Buffering", "no") // nginx would hold events back
	ctx = graph.WithCut(graph.WithTransport(ctx, "sse"), out.cut)
	t.dispatch(out, r.WithContext(ctx))
	if out.end() {
		// The end of an answer looks like the end of the stream; a broken connection does not.
		panic(http.ErrAbortHandler)
	}
}

var errStreamOver = errors.New("the stream is over")

// eventWriter gives every write a deadline, so that a reader who stalls is closed, and swallows what gqlgen writes after
// the stream was cut (a "complete" that clients would believe) or after the handler has returned (a heartbeat in flight,
// which would crash net/http).
type eventWriter struct {
	http.ResponseWriter

	controller *http.ResponseController
	cancel     context.CancelFunc

	mu     sync.Mutex
	over   bool
	wasCut bool
}

func (w *eventWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return 0, errStreamOver
	}
	_ = w.controller.SetWriteDeadline(time.Now().Add(writeTimeout))
	n, err := w.ResponseWriter.Write(p)
	if err != nil {
		w.cutLocked()
	}
	return n, err
}

// Flush makes eventWriter an http.Flusher.
func (w *eventWriter) Flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return
	}
	if err := w.controller.Flush(); err != nil {
		w.cutLocked()
	}
}

// cut ends the stream as a failure.
func (w *eventWriter) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cutLocked()
}

func (w *eventWriter) cutLocked() {
	if !w.over {
		w.over, w.wasCut = true, true
		w.cancel()
	}
}

// end lets nothing through any more and says whether the stream was cut.
func (w *eventWriter) end() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	return w.wasCut
}
