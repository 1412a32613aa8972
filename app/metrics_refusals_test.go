package app

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/redis/go-redis/v9"

	"studychat/graph/persisted"
	"studychat/test/services"
)

// TestMetricsOfRefusals: what was not let in, by its reason, and how sockets ended.
func TestMetricsOfRefusals(t *testing.T) {
	t.Parallel()
	i := start(t, append(withTokens(), "DATABASE_URL=sqlite::memory:", "ADMIN_ADDR=127.0.0.1:0", "CONNECTIONS_PER_USER=1")...)
	o, ann := i.operator(), i.as("ann")
	refused, closed, resets := "studychat_connections_refused_total", "studychat_connections_closed_total", "studychat_stream_resets_total"
	chat, _ := ann.newChat()

	request, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, i.url+"/graphql", strings.NewReader(`{"query":"{ __typename }"}`))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Origin", "https://elsewhere.example")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	o.scrape().wantSum(t, 1, refused, "reason=origin")

	get, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, i.url+"/graphql?query=mutation{clearChats{deletedChatIds}}", http.NoBody)
	get.Header.Set("GraphQL-Preflight", "1")
	get.Header.Set("Authorization", "Bearer "+ann.token)
	if response, err = http.DefaultClient.Do(get); err != nil || response.StatusCode != http.StatusMethodNotAllowed {
		t.Fatalf("a GET that mutates: %v %v", response, err)
	}
	response.Body.Close()
	o.scrape().wantSum(t, 1, "studychat_graphql_operation_duration_seconds", "type=mutation", "code=BAD_USER_INPUT")

	ahead := ann.follow(chat, cursorAt(chat, 99))
	if e := ahead.next(); e.Kind != "StreamReset" {
		t.Fatalf("got %+v, want StreamReset", e)
	}
	s := o.scrape()
	s.wantSum(t, 1, resets, "reason=AHEAD")
	s.wantSum(t, 1, resets)
	var open struct {
		Open []struct{ Transport string }
	}
	if _, text := o.do(http.MethodGet, "/connections", ""); json.Unmarshal([]byte(text), &open) != nil || len(open.Open) != 1 || open.Open[0].Transport != "websocket" {
		t.Errorf("the open connections: %s", text)
	}

	second := i.dial("graphql-transport-ws")
	second.write("connection_init", "", map[string]any{"Authorization": "Bearer " + ann.token})
	code, _ := second.closeCode()
	o.scrapeOnce(refused, 1, "reason=user_limit")
	o.scrapeOnce(closed, 1, "code="+closeLabel(code), "reason=server")

	_ = ahead.conn.Close(websocket.StatusNormalClosure, "")
	o.scrapeOnce(closed, 1, "code=1000", "reason=client")
	o.scrape().wantSum(t, 2, closed)

	if status, text := o.do(http.MethodPost, "/drain", ""); status != http.StatusOK {
		t.Fatalf("drain: %d %s", status, text)
	}
	ctx, cancel := context.WithTimeout(t.Context(), waitLong)
	defer cancel()
	if _, _, err := websocket.Dial(ctx, strings.Replace(i.url, "http", "ws", 1)+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}}); err == nil {
		t.Error("a socket was opened at an instance that stops")
	}
	s = o.scrapeOnce(refused, 1, "reason=stopping")
	s.wantSum(t, 3, refused)
}

// closeLabel is a close code as the metrics show it.
func closeLabel(code websocket.StatusCode) string {
	text, _ := json.Marshal(int(code))
	return string(text)
}

// TestMetricsOfTrustedDocuments: their names are in the metrics, and no others.
func TestMetricsOfTrustedDocuments(t *testing.T) {
	t.Parallel()
	file := "../graph/persisted/testdata/apollo/persisted-query-manifest.json"
	i := start(t, "DATABASE_URL=sqlite::memory:", "ADMIN_ADDR=127.0.0.1:0", "TRUSTED_DOCUMENTS=log", "DOCUMENT_MANIFEST="+file)
	o := i.operator()
	i.must(`query NobodyKnows { __typename }`, nil)
	manifest, err := persisted.LoadManifest(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, document := range manifest.All() {
		if strings.HasPrefix(document, "query Sidebar") {
			i.must(document, nil)
		}
	}
	s := o.scrape()
	operations := "studychat_graphql_operation_duration_seconds"
	s.wantSum(t, 1, operations, "name=Sidebar", "type=query", "code=OK")
	s.wantSum(t, 1, operations, "name=")
	s.wantSum(t, 2, operations)
}

// TestMetricsOfGaps: notifications that may have been lost, and the questions of the database that follow.
func TestMetricsOfGaps(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	i := start(t, append(withTokens(), "DATABASE_URL="+services.Postgres(t), "REDIS_URL="+server.URL(), "ADMIN_ADDR=127.0.0.1:0")...)
	o, ann := i.operator(), i.as("ann")
	chat, _ := ann.newChat()
	ann.follow(chat, "").wantStarted()
	options, err := redis.ParseURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	defer client.Close()
	before := o.scrape()
	if err := client.ClientKillByFilter(t.Context(), "TYPE", "pubsub").Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the gap and a sweep", func() bool {
		now := o.scrape()
		more := func(name string) bool { return now.sum(name) > before.sum(name) }
		return more("studychat_hub_gaps_total") && more("studychat_hub_sweep_duration_seconds")
	})
}
