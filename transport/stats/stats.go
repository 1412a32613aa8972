// Package stats counts what the transports do. It counts; package metrics shows it.
package stats

import "studychat/metrics/tally"

// The transports, as operations name them.
const (
	HTTP      = "http"
	WebSocket = "websocket"
	Events    = "sse"
)

// OK is the code of an operation without an error.
const OK = "OK"

// Stats is what one Transport has done.
type Stats struct {
	Requests     tally.Family[Request, tally.Durations]
	Operations   tally.Family[Operation, tally.Durations]
	AuthRefusals tally.Family[string, tally.Counter] // by reason: tokens that were not accepted
	Refused      tally.Family[string, tally.Counter] // by reason: sockets, streams and requests that were not let in
	Shed         tally.Family[string, tally.Counter] // by type: operations that were refused since the database is waited for
	OutboxWait   tally.Durations                     // of what the kernel did not take at once, for each write: from being queued to being written

	begun, ended tally.Counter
}

// Request is a kind of request. Its texts are of a short list, whatever a client sends.
type Request struct {
	Method string
	Route  string
	Status int
}

// Operation is a kind of GraphQL operation.
type Operation struct {
	Type      string // query, mutation or subscription; "" for one that could not be prepared
	Name      string // of a trusted document; "" otherwise, since clients choose names freely
	Transport string
	Code      string // of the first error, or OK
}

// Active is how many requests are being handled.
func (s *Stats) Active() int64 {
	ended := s.ended.Load() // first, so that the difference is never negative
	return s.begun.Load() - ended
}
