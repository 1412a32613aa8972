package graph_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	gqlgen "github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/gkampitakis/go-snaps/snaps"

	"studychat/auth"
	"studychat/db"
	"studychat/db/sqlstore"
	"studychat/events"
	"studychat/events/hub"
	"studychat/graph"
	"studychat/graph/graphtest"
)

// Ids that the tests choose, so that snapshots are the same each time.
const (
	chat1    = "00000000-0000-7000-8000-000000000001"
	chat2    = "00000000-0000-7000-8000-000000000002"
	nowhere  = "00000000-0000-7000-8000-00000000ffff"
	message1 = "00000000-0000-7000-8000-0000000000a1"
	message2 = "00000000-0000-7000-8000-0000000000a2"
	message3 = "00000000-0000-7000-8000-0000000000a3"
)

const waitLong = 10 * time.Second

// edge is the edge over a real store and hub: SQLite in memory, memory bus.
type edge struct {
	t      *testing.T
	repo   db.Repository
	exec   *graph.Executor
	server *httptest.Server
	stock  *httptest.Server // the same on gqlgen's executor, which answers queries too; nil: it does not
}

// newStore is an empty store, in memory.
func newStore(t testing.TB, log *slog.Logger) *sqlstore.Store {
	t.Helper()
	store, err := sqlstore.Open(t.Context(), "sqlite::memory:", sqlstore.OpenOptions{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if _, err := store.MigrateUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	return store
}

func newEdge(t *testing.T) *edge {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	store := newStore(t, log)
	bus := events.NewMemoryBus()
	hub := hub.New(store, bus, events.NewMemoryRegistry(), log)
	if err := hub.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hub.Stop)
	if _, err := store.PutModule(t.Context(), db.Module{ID: "math-2", Title: "Analysis II", Content: "# Limits"}); err != nil {
		t.Fatal(err)
	}
	repo := events.NewPublisher(store, bus, log)
	return serveEdge(t, repo, hub, log)
}

// serveEdge serves the edge to requests that name their user and scopes in plain headers.
func serveEdge(t *testing.T, repo db.Repository, live graph.Live, log *slog.Logger) *edge {
	t.Helper()
	resolver := func() *graph.Resolver { return &graph.Resolver{Repo: repo, Live: live, Log: log} }
	exec := graph.NewExecutor(resolver(), graph.Options{Introspection: true})
	return &edge{
		t: t, repo: repo, exec: exec,
		server: serve(t, exec),
		stock:  serve(t, graph.NewStockExecutor(resolver(), graph.Options{Introspection: true})),
	}
}

func serve(t *testing.T, exec *graph.Executor) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request := graph.Request{ID: "request-1"}
		if r.Header.Get("Accept") == "text/event-stream" {
			request.Disconnect = func() { t.Log("disconnected") }
		}
		ctx := gqlgen.StartOperationTrace(graph.WithRequest(r.Context(), request))
		if user := r.Header.Get("User"); user != "" {
			ctx = auth.WithViewer(ctx, auth.Viewer{ID: user, Scopes: strings.Fields(r.Header.Get("Scopes"))})
		}
		if request.Disconnect != nil {
			transport.SSE{}.Do(w, r.WithContext(ctx), exec)
			return
		}
		transport.POST{}.Do(w, r.WithContext(ctx), exec)
	}))
	t.Cleanup(server.Close)
	return server
}

// vars are a document's variables.
type vars map[string]any

// ask runs an operation as user ("" for nobody, "tutor" with the scope assistant) and returns the whole answer, indented,
// without what differs from run to run.
func (e *edge) ask(user, document string, v vars) string {
	e.t.Helper()
	answer := e.run(user, document, v)
	if !strings.Contains(answer, `"errors"`) { // many documents of the tests are hostile
		noteShown(document)
	}
	return answer
}

func (e *edge) run(user, document string, v vars) string {
	e.t.Helper()
	raw := e.answer(e.server, user, document, v)
	if e.stock != nil && isQuery(document) {
		if stock := e.answer(e.stock, user, document, v); sortedErrors(stock) != sortedErrors(raw) {
			e.t.Errorf("gqlgen's executor answers differently:\n%s\n%s\n%s", document, stock, raw)
		}
	}
	return e.read(document, v, raw)
}

func isQuery(document string) bool {
	return !strings.Contains(document, "mutation") && !strings.Contains(document, "subscription")
}

// sortedErrors is an answer with its errors in a fixed order: that of gqlgen's is by chance.
func sortedErrors(raw []byte) string {
	var answer struct {
		Errors []json.RawMessage `json:"errors"`
		Data   json.RawMessage   `json:"data"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return string(raw)
	}
	slices.SortFunc(answer.Errors, func(a, b json.RawMessage) int { return bytes.Compare(a, b) })
	answer.Data = feedCursors.ReplaceAll(answer.Data, []byte(`"<feed cursor>"`)) // they hold the time
	return string(bytes.Join([][]byte{answer.Data, bytes.Join(toBytes(answer.Errors), []byte("\n"))}, []byte("\n")))
}

func toBytes(list []json.RawMessage) [][]byte {
	out := make([][]byte, len(list))
	for i, raw := range list {
		out[i] = raw
	}
	return out
}

func (e *edge) answer(server *httptest.Server, user, document string, v vars) []byte {
	e.t.Helper()
	response := e.postTo(e.t.Context(), server, user, "application/json", document, v)
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return raw
}

// read checks an answer against the schema and what was asked.
func (e *edge) read(document string, v vars, raw []byte) string {
	var body any
	if err := json.Unmarshal(raw, &body); err != nil {
		e.t.Error(err)
	}
	if err := graphtest.Check(graphtest.Request{Schema: graph.Schema(), Document: document, Variables: v}, raw); err != nil {
		e.t.Errorf("%v\n%s\n%s", err, document, raw)
	}
	return pretty(body)
}

// must runs an operation whose answer is not looked at but must hold no error.
func (e *edge) must(user, document string, v vars) {
	e.t.Helper()
	if answer := e.run(user, document, v); strings.Contains(answer, `"errors"`) {
		e.t.Fatalf("%s\n%s", document, answer)
	}
}

func (e *edge) post(ctx context.Context, user, accept, document string, v vars) *http.Response {
	e.t.Helper()
	return e.postTo(ctx, e.server, user, accept, document, v)
}

func (e *edge) postTo(ctx context.Context, server *httptest.Server, user, accept, document string, v vars) *http.Response {
	e.t.Helper()
	body, _ := json.Marshal(map[string]any{"query": document, "variables": v})
	request, _ := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, bytes.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", accept)
	request.Header.Set("User", user)
	if scopes := map[string]string{"tutor": auth.ScopeAssistant, clerk: auth.ScopeModules + " " + auth.ScopeUsers}[user]; scopes != "" {
		request.Header.Set("Scopes", scopes)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		e.t.Fatal(err)
	}
	return response
}

const timedOut = "timed out"

// follow subscribes as user and returns the stream's items, one answer each; the channel closes with "complete".
func (e *edge) follow(user, document string, v vars) <-chan string {
	e.t.Helper()
	noteShown(document)
	ctx, cancel := context.WithTimeout(e.t.Context(), waitLong)
	e.t.Cleanup(cancel)
	response := e.post(ctx, user, "text/event-stream", document, v)
	out := make(chan string, 64)
	go func() {
		defer close(out)
		defer response.Body.Close()
		lines := bufio.NewScanner(response.Body)
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && strings.HasPrefix(data, "{") {
				out <- e.read(document, v, []byte(data))
			}
		}
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			out <- timedOut
		}
	}()
	return out
}

// take returns the next n items; fewer only if the stream ended.
func take(t *testing.T, items <-chan string, n int) []string {
	t.Helper()
	var out []string
	for range n {
		select {
		case item, ok := <-items:
			if !ok {
				return append(out, "complete")
			}
			if item == timedOut {
				t.Fatalf("waited %s for item %d of %d; so far %v", waitLong, len(out)+1, n, out)
			}
			out = append(out, item)
		case <-time.After(waitLong):
			t.Fatalf("waited %s for item %d of %d; so far %v", waitLong, len(out)+1, n, out)
		}
	}
	return out
}

var (
	times       = regexp.MustCompile(`"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z"`)
	chatCursors = regexp.MustCompile(`"YzE6[A-Za-z0-9_-]+"`) // base64 of c1:, the time and the id follow
	feedCursors = regexp.MustCompile(`"2\.1\.t\d+(-\d+-\d+-[0-9a-f-]{36})?\.[A-Za-z0-9_-]{8}"`)
	logCursors  = regexp.MustCompile(`"2\.\d+\.\d+(\.[A-Za-z0-9_-]{8})"`)
	madeIDs     = regexp.MustCompile(`"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"`)
)

func pretty(body any) string {
	text, _ := json.MarshalIndent(body, "", "  ")
	text = times.ReplaceAll(text, []byte(`"<time>"`))
	text = chatCursors.ReplaceAll(text, []byte(`"<chat cursor>"`))
	text = feedCursors.ReplaceAll(text, []byte(`"<feed cursor>"`))
	text = logCursors.ReplaceAllFunc(text, func(cursor []byte) []byte {
		for _, chat := range []string{chat1, chat2, nowhere} {
			if tag := strings.TrimPrefix(db.Cursor{ChatID: chat}.String(), "2.0.0"); bytes.HasSuffix(cursor, []byte(tag+`"`)) {
				return cursor
			}
		}
		return []byte(`"<cursor of a made chat>"`)
	})
	return string(madeIDs.ReplaceAllFunc(text, func(id []byte) []byte {
		if bytes.HasPrefix(id, []byte(`"00000000-`)) {
			return id
		}
		return []byte(`"<made id>"`)
	}))
}

// match compares with the stored snapshot: the document, then the answer.
func match(t *testing.T, parts ...string) {
	t.Helper()
	if strings.Contains(strings.Join(parts, ""), "GRAPHQL_") {
		t.Error("the test's own document is not valid")
	}
	snaps.MatchSnapshot(t, strings.Join(parts, "\n\n"))
}
