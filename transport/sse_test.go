package transport

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// recorder is a ResponseWriter with deadlines, which fails when told to.
type recorder struct {
	*httptest.ResponseRecorder

	deadlines int
	fail      bool
}

func (r *recorder) SetWriteDeadline(time.Time) error {
	r.deadlines++
	return nil
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.fail {
		return 0, errors.New("the reader stalls")
	}
	return r.ResponseRecorder.Write(p)
}

func newEventWriter(t *testing.T) (*eventWriter, *recorder, context.Context) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	r := &recorder{ResponseRecorder: httptest.NewRecorder()}
	return &eventWriter{ResponseWriter: r, controller: http.NewResponseController(r), cancel: cancel}, r, ctx
}

func TestEventWriterEveryWriteHasADeadline(t *testing.T) {
	t.Parallel()
	w, r, _ := newEventWriter(t)
	_, _ = w.Write([]byte("event: next\n"))
	_, _ = w.Write([]byte("data: {}\n\n"))
	if r.deadlines != 2 || r.Body.String() != "event: next\ndata: {}\n\n" {
		t.Errorf("%d deadlines, %q", r.deadlines, r.Body)
	}
	if w.end() {
		t.Error("an orderly end counts as cut")
	}
}

func TestEventWriterAfterACut(t *testing.T) {
	t.Parallel()
	w, r, ctx := newEventWriter(t)
	w.cut()
	if n, err := w.Write([]byte("event: complete\n\n")); n != 0 || err == nil || r.Body.Len() != 0 {
		t.Errorf("wrote %q", r.Body)
	}
	w.Flush()
	if r.Flushed || ctx.Err() == nil || !w.end() {
		t.Error("a cut stream went on, or does not know that it was cut")
	}
}

func TestEventWriterAfterTheEnd(t *testing.T) {
	t.Parallel()
	w, r, _ := newEventWriter(t)
	w.end()
	_, _ = w.Write([]byte(": ping\n\n"))
	w.Flush()
	if r.Body.Len() != 0 || r.Flushed {
		t.Errorf("wrote %q after the handler returned", r.Body)
	}
}

func TestEventWriterStalledReader(t *testing.T) {
	t.Parallel()
	w, r, ctx := newEventWriter(t)
	r.fail = true
	if _, err := w.Write([]byte("x")); err == nil || ctx.Err() == nil || !w.end() {
		t.Error("a failed write did not end the stream")
	}
}
