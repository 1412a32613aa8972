package stats

import (
	"bufio"
	"net"
	"net/http"
	"time"
)

// Recorder notes how a request is answered.
type Recorder struct {
	http.ResponseWriter

	Began time.Time

	of     *Stats
	status int  // 0 until the answer begins
	taken  bool // the handler has taken the connection, and answers over it
}

// Record begins to count a request; Done ends it.
func (s *Stats) Record(w http.ResponseWriter, began time.Time) *Recorder {
	s.begun.Add(1)
	return &Recorder{ResponseWriter: w, Began: began, of: s}
}

// Done counts the request. It is called when the handler has returned or panicked, which for a stream that has a connection of its own is
// long before its end.
func (r *Recorder) Done(request *http.Request) {
	r.of.ended.Add(1)
	switch {
	case r.status != 0:
	case r.taken && request.Header.Get("Upgrade") != "":
		r.status = http.StatusSwitchingProtocols
	default:
		r.status = http.StatusOK // as net/http says, and an event stream
	}
	r.of.Requests.Of(Request{method(request.Method), route(request.URL.Path), r.status}).Since(r.Began)
}

// WriteHeader implements http.ResponseWriter.
func (r *Recorder) WriteHeader(status int) {
	if r.status == 0 && status >= http.StatusOK { // informational answers come before the real one
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Hijack implements http.Hijacker.
func (r *Recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(r.ResponseWriter).Hijack()
	r.taken = r.taken || err == nil
	return conn, buffered, err
}

// Unwrap is for http.ResponseController.
func (r *Recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// method keeps the list of methods short (OpenTelemetry, http.request.method).
func method(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return method
	}
	return "_OTHER"
}

// route is the path of a route, or "/" for the pages.
func route(path string) string {
	switch path {
	case "/graphql", "/graphql/stream", "/livez", "/readyz", "/debug/connections/snapshot":
		return path
	}
	return "/"
}
