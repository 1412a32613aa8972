package graph_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	gqlgen "github.com/99designs/gqlgen/graphql"

	"studychat/auth"
	"studychat/events"
	"studychat/events/hub"
	"studychat/graph"
	"studychat/graph/persisted"
)

const (
	sidebar  = `query Sidebar { chats { edges { node { id } } } }`
	renamed  = `query Renamed { chats { edges { node { title } } } }`
	notFound = "PERSISTED_QUERY_NOT_FOUND"
)

// watched is a store that notes what it is asked.
type watched struct {
	*persisted.Memory

	mu       sync.Mutex
	puts     []string
	lookedUp int
}

func (w *watched) Get(hash string) (string, bool) {
	w.mu.Lock()
	w.lookedUp++
	w.mu.Unlock()
	return w.Memory.Get(hash)
}

func (w *watched) Put(hash, document string) {
	w.mu.Lock()
	w.puts = append(w.puts, document)
	w.mu.Unlock()
	w.Memory.Put(hash, document)
}

// library is an edge with a store of documents.
type library struct {
	t     *testing.T
	exec  *graph.Executor
	store *watched
	log   *bytes.Buffer // warnings and worse
}

func newLibrary(t *testing.T, mode persisted.Mode, trusted *persisted.Manifest) *library {
	t.Helper()
	l := &library{t: t, store: &watched{Memory: persisted.NewMemory(0)}, log: &bytes.Buffer{}}
	log := slog.New(slog.NewTextHandler(l.log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	store := newStore(t, log)
	hub := hub.New(store, events.NewMemoryBus(), events.NewMemoryRegistry(), log)
	l.exec = graph.NewExecutor(&graph.Resolver{Repo: store, Live: hub, Log: log}, graph.Options{
		Introspection: true, Documents: l.store, Trusted: trusted, TrustedMode: mode,
	})
	return l
}

// ask runs what a transport would make of the JSON, as user ("" for nobody).
func (l *library) ask(user, body string) string {
	l.t.Helper()
	params := &gqlgen.RawParams{}
	decoder := json.NewDecoder(strings.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(params); err != nil {
		l.t.Fatal(err, body)
	}
	ctx := gqlgen.StartOperationTrace(l.t.Context())
	if user != "" {
		ctx = auth.WithViewer(ctx, auth.Viewer{ID: user})
	}
	var response *gqlgen.Response
	if op, errs := l.exec.CreateOperationContext(ctx, params); errs != nil {
		response = l.exec.DispatchError(gqlgen.WithOperationContext(ctx, op), errs)
	} else {
		next, ctx := l.exec.DispatchOperation(ctx, op)
		response = next(ctx)
	}
	answer, err := json.Marshal(response)
	if err != nil {
		l.t.Fatal(err)
	}
	return string(answer)
}

// byHash is a request of Apollo's protocol, with the document unless that is "".
func byHash(hash, document string) string {
	return request(document, map[string]any{"persistedQuery": map[string]any{"version": 1, "sha256Hash": hash}})
}

// byID is what a transport makes of a request with a documentId.
func byID(id, document string) string {
	return request(document, map[string]any{"documentId": id})
}

func request(document string, extensions map[string]any) string {
	body := map[string]any{"extensions": extensions}
	if document != "" {
		body["query"] = document
	}
	text, _ := json.Marshal(body)
	return string(text)
}

// expect compares the code of an answer, and with "" that there is data.
func (l *library) expect(reason, user, body, want string) (answer string) {
	l.t.Helper()
	answer = l.ask(user, body)
	if got := code(l.t, answer); got != want || want == "" && !strings.Contains(answer, `"data":{`) {
		l.t.Errorf("%s: got %q, want %q: %.300s", reason, got, want, answer)
	}
	return answer
}

// kept fails unless the store was given exactly these documents, in this order.
func (l *library) kept(want ...string) {
	l.t.Helper()
	if fmt.Sprint(l.store.puts) != fmt.Sprint(want) {
		l.t.Errorf("kept %q, want %q", l.store.puts, want)
	}
}

func TestPersistedQueries(t *testing.T) {
	t.Parallel()
	l := newLibrary(t, persisted.Off, nil)
	hash := persisted.Hash(sidebar)
	answer := l.expect("nobody has sent it", "ann", byHash(hash, ""), notFound)
	if !strings.Contains(answer, `"message":"PersistedQueryNotFound"`) {
		t.Errorf("Apollo's clients wait for another message: %s", answer)
	}
	l.kept()
	l.expect("it is registered", "ann", byHash(hash, sidebar), "")
	l.kept(sidebar)
	l.expect("and known", "ann", byHash(hash, ""), "")
	l.expect("to others as well", "bob", byHash(hash, ""), "")
	l.expect("by the id of GraphQL over HTTP too", "bob", byID("sha256:"+hash, ""), "")
	l.expect("without the prefix", "bob", byID(hash, ""), "")
	l.expect("that registers as well", "bob", byID("sha256:"+persisted.Hash(renamed), renamed), "")
	l.expect("for Apollo's protocol too", "ann", byHash(persisted.Hash(renamed), ""), "")
	l.kept(sidebar, renamed)
	l.expect("variables and names of operations are the request's own", "ann",
		`{"operationName": "Nope", "extensions": {"persistedQuery": {"version": 1, "sha256Hash": "`+hash+`"}}}`, "GRAPHQL_VALIDATION_FAILED")
	l.expect("a document without a name goes as before", "ann", request(renamed+" ", nil), "")
	l.kept(sidebar, renamed)
}

// TestPersistedQueriesOfOddForm: each is refused with the field's name, and nothing of it is kept.
func TestPersistedQueriesOfOddForm(t *testing.T) {
	t.Parallel()
	l := newLibrary(t, persisted.Off, nil)
	hash := persisted.Hash(sidebar)
	query := func(extension string) string {
		return `{"query": "` + sidebar + `", "extensions": ` + extension + `}`
	}
	const apq, id = "extensions.persistedQuery", "extensions.documentId"
	for _, c := range []struct{ reason, body, field string }{
		{"another document's hash", byHash(persisted.Hash(renamed), sidebar), apq},
		{"another document's id", byID("sha256:"+persisted.Hash(renamed), sidebar), id},
		{"another document's id without the prefix", byID(persisted.Hash(renamed), sidebar), id},
		{"upper case", byHash(strings.ToUpper(hash), sidebar), apq},
		{"upper case alone", byHash(strings.ToUpper(hash), ""), apq},
		{"half a hash", byHash(hash[:32], ""), apq},
		{"a prefix", byHash("sha256:"+hash, sidebar), apq},
		{"no hash", byHash("", sidebar), apq},
		{"a long hash", byHash(strings.Repeat("0", 100_000), ""), apq},
		{"version 2", query(`{"persistedQuery": {"version": 2, "sha256Hash": "` + hash + `"}}`), apq},
		{"version 1.9", query(`{"persistedQuery": {"version": 1.9, "sha256Hash": "` + hash + `"}}`), apq},
		{"version 1e999", query(`{"persistedQuery": {"version": 1e999, "sha256Hash": "` + hash + `"}}`), apq},
		{"version as a text", query(`{"persistedQuery": {"version": "1", "sha256Hash": "` + hash + `"}}`), apq},
		{"no version", query(`{"persistedQuery": {"sha256Hash": "` + hash + `"}}`), apq},
		{"keys in another case", query(`{"persistedQuery": {"VERSION": 1, "SHA256HASH": "` + hash + `"}}`), apq},
		{"the hash a number", query(`{"persistedQuery": {"version": 1, "sha256Hash": 1}}`), apq},
		{"the hash a list", query(`{"persistedQuery": {"version": 1, "sha256Hash": ["` + hash + `"]}}`), apq},
		{"a text", query(`{"persistedQuery": "` + hash + `"}`), apq},
		{"a list", query(`{"persistedQuery": []}`), apq},
		{"false", query(`{"persistedQuery": false}`), apq},
		{"an empty object", query(`{"persistedQuery": {}}`), apq},
		{"the id a number", query(`{"documentId": 1}`), id},
		{"the id an object", query(`{"documentId": {}}`), id},
	} {
		answer := l.expect(c.reason, "ann", c.body, "BAD_USER_INPUT")
		if !strings.Contains(answer, `"field":"`+c.field+`"`) || len(answer) > 500 {
			t.Errorf("%s: %.600s", c.reason, answer)
		}
	}
	for reason, body := range map[string]string{
		"null is nothing":               query(`{"persistedQuery": null, "documentId": null}`),
		"an id that is no hash":         byID("sidebar-7", sidebar),
		"version 1.0 is the same":       query(`{"persistedQuery": {"version": 1.0, "sha256Hash": "` + hash + `"}}`),
		"more keys than one expects":    query(`{"persistedQuery": {"version": 1, "sha256Hash": "` + hash + `", "x": {}}}`),
		"the hash wins over an id":      query(`{"persistedQuery": {"version": 1, "sha256Hash": "` + hash + `"}, "documentId": "x"}`),
		"both names say the same thing": query(`{"persistedQuery": {"version": 1, "sha256Hash": "` + hash + `"}, "documentId": "` + hash + `"}`),
	} {
		l.expect(reason, "ann", body, "")
	}
	l.expect("an id alone that is no hash", "ann", byID("sidebar-7", ""), notFound)
	l.expect("a long id", "ann", byID(strings.Repeat("x", 100_000), ""), notFound)
	l.expect("neither name nor document", "ann", request("", nil), "GRAPHQL_VALIDATION_FAILED")
	l.kept(sidebar, sidebar, sidebar, sidebar)
}

// TestOnlyGoodDocumentsAreKept: what is refused cannot be had by its hash either, by anyone.
func TestOnlyGoodDocumentsAreKept(t *testing.T) {
	t.Parallel()
	l := newLibrary(t, persisted.Off, nil)
	for _, c := range []struct{ reason, document, code string }{
		{"syntax", "{ chats(", "GRAPHQL_PARSE_FAILED"},
		{"a field that is not there", "{ nothing }", "GRAPHQL_VALIDATION_FAILED"},
		{"no operation", "fragment F on Query { __typename }", "GRAPHQL_VALIDATION_FAILED"},
		{"only a comment", "#", "GRAPHQL_VALIDATION_FAILED"},
		{"a variable is missing", "query ($id: ID!) { chat(id: $id) { id } }", "BAD_USER_INPUT"},
		{"fragments that double", chained(30), "QUERY_TOO_COMPLEX"},
		{"fields", "{" + strings.Repeat(" __typename", 1001) + "}", "QUERY_TOO_COMPLEX"},
		{"an answer too large", `{ chats(first: 100) { edges { node { messages(last: 100) { edges { node { content } } } } } } }`, "QUERY_TOO_COMPLEX"},
		{"two roots of a subscription", `subscription { a: chatEvents { cursor } b: chatEvents { cursor } }`, "GRAPHQL_VALIDATION_FAILED"},
	} {
		hash := persisted.Hash(c.document)
		l.expect(c.reason, "ann", byHash(hash, c.document), c.code)
		l.expect(c.reason, "ann", byHash(hash, ""), notFound)
	}
	l.kept()
	large := sidebar + " #" + strings.Repeat("x", persisted.MaxDocument)
	l.expect("a large document runs", "ann", byHash(persisted.Hash(large), large), "")
	l.expect("but is not kept", "ann", byHash(persisted.Hash(large), ""), notFound)
}

// TestNobodyLearnsOfDocuments: without a token nothing is stored, and known and unknown documents give the same answer.
func TestNobodyLearnsOfDocuments(t *testing.T) {
	t.Parallel()
	hash := persisted.Hash(sidebar)
	for _, mode := range []persisted.Mode{persisted.Off, persisted.Log, persisted.Enforce} {
		l := newLibrary(t, mode, trustedSidebar(t))
		l.ask("ann", byHash(persisted.Hash(renamed), renamed))
		asked, kept := l.store.lookedUp, len(l.store.puts)
		answers := map[string]bool{}
		for _, body := range []string{
			byHash(hash, ""), byHash(hash, sidebar), byHash(persisted.Hash(renamed), ""), byHash("x", ""), byID("trusted-1", ""),
			byID("unknown", ""), request(sidebar, nil), request("{ nothing }", nil), request(sidebar, map[string]any{"persistedQuery": 1}),
		} {
			answers[l.expect(string(mode), "", body, "UNAUTHENTICATED")] = true
		}
		if len(answers) != 1 || l.store.lookedUp != asked || len(l.store.puts) != kept {
			t.Errorf("%s: %d different answers, %d look-ups, %d kept", mode, len(answers), l.store.lookedUp-asked, len(l.store.puts)-kept)
		}
	}
}
