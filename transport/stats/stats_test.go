package stats_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"studychat/transport/stats"
)

// TestRequests: each request counts once, under what a short list knows of it, also when its handler panics.
func TestRequests(t *testing.T) {
	t.Parallel()
	var s stats.Stats
	serve := func(method, path string, handle http.HandlerFunc) {
		r := httptest.NewRequest(method, path, nil)
		w := s.Record(httptest.NewRecorder(), time.Now())
		defer func() { _ = recover() }()
		defer w.Done(r)
		if s.Active() != 1 {
			t.Errorf("%s %s: %d active", method, path, s.Active())
		}
		handle(w, r)
	}
	serve(http.MethodPost, "/graphql", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints) // not yet the answer
		w.WriteHeader(http.StatusTeapot)
	})
	serve("BREW", "/../etc/passwd", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(nil) })
	serve(http.MethodGet, "/readyz", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	for _, kind := range []stats.Request{
		{Method: "POST", Route: "/graphql", Status: http.StatusTeapot},
		{Method: "_OTHER", Route: "/", Status: http.StatusOK},
		{Method: "GET", Route: "/readyz", Status: http.StatusOK},
	} {
		if counted := s.Requests.All()[kind]; counted == nil || counted.Read().Count() != 1 {
			t.Errorf("%+v is not counted once", kind)
		}
	}
	if len(s.Requests.All()) != 3 || s.Active() != 0 {
		t.Errorf("%d kinds, %d active", len(s.Requests.All()), s.Active())
	}
}
