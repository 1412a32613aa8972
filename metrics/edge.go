package metrics

import (
	"strconv"

	"studychat/auth"
	"studychat/graph/model"
	"studychat/metrics/tally"
	"studychat/transport/admission"
	"studychat/transport/connections"
	"studychat/transport/stats"
)

// Edge is the transports and the executor.
type Edge struct {
	Stats  *stats.Stats                     // nil: none
	Errors func() map[string]*tally.Counter // by code

	Connections *connections.Inspector
}

func (e Edge) list() []Metric {
	s := e.Stats
	if s == nil {
		s = new(stats.Stats)
	}
	return []Metric{
		{
			Name: "http_server_request_duration_seconds", Help: "How long requests took. A socket counts when its handshake is over, an event stream of HTTP/1 when it has begun.",
			Labels: []string{"http_request_method", "http_route", "http_response_status_code"},
			read: func(to reading) {
				for kind, took := range s.Requests.All() {
					to.histogram(took.Read(), kind.Method, kind.Route, strconv.Itoa(kind.Status))
				}
			},
		},
		{
			Name: "http_server_active_requests", Help: "Requests that are being handled.",
			read: func(to reading) { to.gauge(float64(s.Active())) },
		},
		{
			Name: "studychat_graphql_operation_duration_seconds", Help: "From the arrival of a request to its answer, for a subscription to its place in the log. Only trusted documents have a name.",
			Labels: []string{"type", "name", "transport", "code"},
			read: func(to reading) {
				for kind, took := range s.Operations.All() {
					to.histogram(took.Read(), kind.Type, kind.Name, kind.Transport, kind.Code)
				}
			},
		},
		{
			Name: "studychat_graphql_errors_total", Help: "Errors in answers and events.", Labels: []string{"code"},
			read: func(to reading) {
				if e.Errors != nil {
					to.counters(begun(e.Errors(), codes()...))
				}
			},
		},
		{
			Name: "studychat_auth_refusals_total", Help: "Requests and sockets without a valid token.", Labels: []string{"reason"},
			read: func(to reading) { to.counters(begun(s.AuthRefusals.All(), auth.Reasons()...)) },
		},
		{
			Name: "studychat_load_shed_total", Help: "Queries and mutations that were refused, since connections of the database were waited for more than a second.", Labels: []string{"type"},
			read: func(to reading) { to.counters(begun(s.Shed.All(), "query", "mutation")) },
		},
		{
			Name: "studychat_outbox_wait_seconds", Help: "How long what a connection did not take at once was queued until it was written, for each write.",
			read: func(to reading) { to.histogram(s.OutboxWait.Read()) },
		},
		{
			Name: "studychat_connections", Help: "Sockets and event streams that are open.", Labels: []string{"transport"},
			read: func(to reading) {
				if e.Connections == nil {
					return
				}
				open := map[string]int{connections.WebSocket: 0, connections.Events: 0, connections.Reserved: 0}
				for _, one := range e.Connections.Open() {
					open[one.Transport()]++
				}
				for transport, n := range open {
					to.gauge(float64(n), transport)
				}
			},
		},
		{
			Name: "studychat_connections_closed_total", Help: "Sockets and event streams that have ended, by close code and by who ended them: server, client, or lost.",
			Labels: []string{"transport", "code", "reason"},
			read: func(to reading) {
				if e.Connections == nil {
					return
				}
				for kind, n := range begun(e.Connections.Endings.Counts.All(), connections.Usual...) {
					to.counter(n.Load(), kind.Transport, strconv.Itoa(kind.Code), kind.Reason)
				}
			},
		},
		{
			Name: "studychat_connections_refused_total", Help: "Requests that were not let in: by a limit, by their origin, or since the instance stops.", Labels: []string{"reason"},
			read: func(to reading) { to.counters(begun(s.Refused.All(), admission.Reasons()...)) },
		},
	}
}

// codes are those of all errors.
func codes() []string {
	var all []string
	for _, code := range model.AllErrorCode {
		all = append(all, string(code))
	}
	return all
}
