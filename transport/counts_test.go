package transport

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"studychat/auth"
	"studychat/db"
	"studychat/events"
	"studychat/graph"
)

// newLive serves the real edge over SQLite in memory.
func newLive(t *testing.T) (url string, hub *events.Hub) {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	store, err := db.Open(t.Context(), "sqlite::memory:", db.OpenOptions{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if _, err := store.MigrateUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	hub = events.NewHub(store, events.NewMemoryBus(), events.NewMemoryRegistry(), log)
	if err := hub.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hub.Stop)
	server := httptest.NewServer(New(Options{
		Executor: graph.NewExecutor(&graph.Resolver{Repo: store, Live: hub, Log: log}, graph.Options{Introspection: true}), Verifier: auth.Local{},
		Playground: http.NotFoundHandler(), Log: log,
	}))
	t.Cleanup(server.Close)
	return server.URL, hub
}

const followFeed = `{"query":"subscription { chatEvents { cursor } }"}`

func TestStreamsAreCountedByTransport(t *testing.T) {
	t.Parallel()
	url, hub := newLive(t)
	follows := func(transport string, want int) {
		t.Helper()
		deadline := time.After(10 * time.Second)
		for {
			counts, err := hub.Counts(t.Context())
			if err == nil && counts.Here[transport] == want && counts.Everywhere[transport] == want {
				return
			}
			select {
			case <-time.After(5 * time.Millisecond):
			case <-deadline:
				t.Fatalf("%s: %+v, %v, want %d", transport, counts, err, want)
			}
		}
	}

	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/graphql", strings.NewReader(followFeed))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "text/event-stream")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	follows("sse", 1)

	socket, upgrade, err := websocket.Dial(t.Context(), url+"/graphql", &websocket.DialOptions{Subprotocols: []string{subprotocol}})
	if err != nil {
		t.Fatal(err, upgrade)
	}
	var ack map[string]any
	if err := wsjson.Write(t.Context(), socket, map[string]any{"type": "connection_init"}); err != nil {
		t.Fatal(err)
	}
	if err := wsjson.Read(t.Context(), socket, &ack); err != nil || ack["type"] != "connection_ack" {
		t.Fatal(ack, err)
	}
	for _, id := range []string{"1", "2"} {
		err := socket.Write(t.Context(), websocket.MessageText, []byte(`{"type":"subscribe","id":"`+id+`","payload":`+followFeed+`}`))
		if err != nil {
			t.Fatal(err)
		}
	}
	follows("websocket", 2)
	follows("sse", 1)

	_ = response.Body.Close()
	follows("sse", 0)
	_ = socket.CloseNow()
	follows("websocket", 0)
	http.DefaultClient.CloseIdleConnections()
}
