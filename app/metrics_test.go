package app

import (
	"net/http"
	"testing"
	"time"
)

// wantSum compares what a metric says with what happened.
func (s scrape) wantSum(t *testing.T, want float64, name string, labels ...string) {
	t.Helper()
	if got := s.sum(name, labels...); got != want {
		t.Errorf("%s %v is %v, not %v", name, labels, got, want)
	}
}

// TestMetricsOfRequests: what the metrics say of requests, operations and refused tokens is what happened.
func TestMetricsOfRequests(t *testing.T) {
	t.Parallel()
	i := start(t, append(withTokens(), "DATABASE_URL=sqlite::memory:", "ADMIN_ADDR=127.0.0.1:0")...)
	o, ann := i.operator(), i.as("ann")
	for range 3 {
		ann.must(`query MyOwnName { __typename }`, nil)
	}
	ann.newChat()
	ann.ask(`{ nothing }`, nil)
	ann.ask(readChat, vars{"id": "0190f5d4-7a80-7000-8000-000000000000"})
	i.ask(`{ __typename }`, nil)
	late := *i
	late.token = token(t, "ann", -time.Hour)
	late.ask(`{ __typename }`, nil)
	late.ask(`{ __typename }`, nil)

	s := o.scrape()
	operations, requests := "studychat_graphql_operation_duration_seconds", "http_server_request_duration_seconds"
	s.wantSum(t, 3, operations, "type=query", "transport=http", "code=OK")
	s.wantSum(t, 1, operations, "type=mutation", "transport=http", "code=OK")
	s.wantSum(t, 1, operations, "type=query", "code=NOT_FOUND")
	s.wantSum(t, 1, operations, "type=", "code=GRAPHQL_VALIDATION_FAILED")
	s.wantSum(t, 6, operations, "name=") // no name that a client chose
	s.wantSum(t, 6, operations)
	s.wantSum(t, 1, "studychat_graphql_errors_total", "code=GRAPHQL_VALIDATION_FAILED")
	s.wantSum(t, 1, "studychat_graphql_errors_total", "code=NOT_FOUND")
	s.wantSum(t, 3, "studychat_graphql_errors_total", "code=UNAUTHENTICATED")
	s.wantSum(t, 5, "studychat_graphql_errors_total")
	s.wantSum(t, 1, "studychat_auth_refusals_total", "reason=missing")
	s.wantSum(t, 2, "studychat_auth_refusals_total", "reason=expired")
	s.wantSum(t, 3, "studychat_auth_refusals_total")
	s.wantSum(t, 9, requests, "http_request_method=POST", "http_route=/graphql")
	s.wantSum(t, 9, requests)
	s.wantSum(t, 0, "http_server_active_requests")
	s.wantSum(t, 1, "studychat_build_info")

	response, err := http.Get(i.url + "/livez")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	o.scrape().wantSum(t, 1, requests, "http_request_method=GET", "http_route=/livez", "http_response_status_code=200")
}
