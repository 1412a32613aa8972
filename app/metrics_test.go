package app

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"studychat/test/services"
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

// TestMetricsOfTheLivePath: two instances with a Redis, which then dies: who was told what, and how, and what was read from where.
func TestMetricsOfTheLivePath(t *testing.T) {
	t.Parallel()
	redis := services.NewRedisServer(t)
	settings := append(withTokens(), "DATABASE_URL="+services.Postgres(t), "REDIS_URL="+redis.URL(), "ADMIN_ADDR=127.0.0.1:0", "MUTATION_RATE=1", "MUTATION_BURST=6")
	a, b := start(t, settings...), start(t, settings...)
	atA, atB := a.operator(), b.operator()
	annA, annB := a.as("ann"), b.as("ann")
	chat, cursor := annA.newChat()
	here, there, feed := annA.follow(chat, cursor), annB.follow(chat, cursor), annB.follow("", "")
	for _, s := range []*socket{here, there, feed} {
		s.wantStarted()
	}
	s := atB.scrape()
	s.wantSum(t, 1, "studychat_subscriptions", "kind=chat")
	s.wantSum(t, 1, "studychat_subscriptions", "kind=feed")
	s.wantSum(t, 1, "studychat_hub_topics")
	s.wantSum(t, 2, "studychat_connections", "transport=websocket")
	s.wantSum(t, 2, "studychat_connections")
	s.wantSum(t, 1, "studychat_bus_state", "state=ok")
	s.wantSum(t, 1, "studychat_redis_state", "state=ok")

	annA.message(chat, "one")
	annA.message(chat, "two")
	for seq, content := range []string{"one", "two"} {
		here.wantMessage(seq+2, content)
		there.wantMessage(seq+2, content)
		feed.wantMessage(seq+2, content)
	}
	s = atA.scrapeOnce("studychat_events_delivered_total", 2, "kind=MESSAGE_SENT")
	s.wantSum(t, 2, "studychat_event_delivery_seconds", "path=local")
	s.wantSum(t, 2, "studychat_event_delivery_seconds")
	s.wantSum(t, 3, "studychat_commit_duration_seconds", "outcome=committed")
	s.wantSum(t, 2, "studychat_commit_group_size")
	s.wantSum(t, 1, "studychat_epoch")
	s.wantSum(t, 0, "studychat_migrations_pending")
	s = atB.scrapeOnce("studychat_events_delivered_total", 4, "kind=MESSAGE_SENT")
	s.wantSum(t, 4, "studychat_event_delivery_seconds")
	if s.sum("studychat_event_delivery_seconds", "path=local") != 0 || s.sum("studychat_event_delivery_seconds", "path=bus") == 0 {
		t.Errorf("%v", s)
	}

	const title = `query ($id: ID!) { chat(id: $id) { title } }`
	before := atA.scrape()
	for range 3 { // the first fills
		annA.must(title, vars{"id": chat})
	}
	s = atA.scrape()
	for result, want := range map[string]float64{"miss": 1, "hit": 2, "bypass": 0} {
		labels := []string{"kind=chat", "result=" + result}
		s.wantSum(t, want+before.sum("studychat_cache_requests_total", labels...), "studychat_cache_requests_total", labels...)
	}

	for refused := false; !refused; {
		got := annA.ask(sendMessage, vars{"chat": chat, "content": "fast"})
		refused = got.code() == "RATE_LIMITED"
	}
	atA.scrape().wantSum(t, 1, "studychat_rate_limited_total", "scope=user")

	redis.Kill()
	eventually(t, "Redis is known to be down", func() bool {
		annA.must(title, vars{"id": chat})
		s = atA.scrape()
		return s.sum("studychat_redis_state", "state=down") == 1 && s.sum("studychat_bus_state", "state=degraded") == 1 &&
			s.sum("studychat_cache_requests_total", "kind=chat", "result=bypass") > 0
	})

	for _, s := range []*socket{here, there, feed} {
		_ = s.conn.CloseNow()
	}
	for o, closed := range map[operator]float64{atA: 1, atB: 2} {
		eventually(t, "nothing is followed", func() bool {
			s = o.scrape()
			return s.sum("studychat_connections") == 0 && s.sum("studychat_subscriptions") == 0 && s.sum("studychat_hub_topics") == 0 && s.sum("http_server_active_requests") == 0
		})
		s = o.scrapeOnce("studychat_connections_closed_total", closed, "transport=websocket", "code=1006", "reason=lost")
		s.wantSum(t, closed, "studychat_connections_closed_total")
	}
}

// scrapeOnce scrapes until a metric says so: events are counted after they were sent.
func (o operator) scrapeOnce(name string, want float64, labels ...string) (s scrape) {
	o.t.Helper()
	eventually(o.t, name, func() bool {
		s = o.scrape()
		return s.sum(name, labels...) >= want
	})
	s.wantSum(o.t, want, name, labels...)
	return s
}

// wantStarted reads the beginning of a stream.
func (s *socket) wantStarted() {
	s.t.Helper()
	if f := s.read(); f.Type != "next" || !strings.Contains(string(f.Payload), "StreamStarted") {
		s.t.Fatalf("got %s %s", f.Type, f.Payload)
	}
	s.started.Kind = "StreamStarted"
}
