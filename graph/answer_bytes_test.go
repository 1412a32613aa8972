package graph_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gqlgen "github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/google/uuid"

	"studychat/auth"
	"studychat/db"
	"studychat/events"
	"studychat/events/hub"
	"studychat/graph"
	"studychat/graph/generated"
	"studychat/graph/limits"
)

// longest is the content with the most bytes that a message may have: 64,000.
var longest = strings.Repeat("🙂", 16_000)

// recorder is a repository that knows the most messages it was asked for at once.
type recorder struct {
	db.Repository

	most atomic.Int64
}

func (r *recorder) Messages(ctx context.Context, user string, chatIDs []string, page db.Page) (map[string]*db.MessageList, error) {
	for n := int64(len(chatIDs) * page.Limit); ; {
		if most := r.most.Load(); n <= most || r.most.CompareAndSwap(most, n) {
			return r.Repository.Messages(ctx, user, chatIDs, page)
		}
	}
}

// newLongChat is a server with one chat of 100 messages that are as long as can be.
func newLongChat(t *testing.T) (*graph.Resolver, *recorder) {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
	store := newStore(t, log)
	hub := hub.New(store, events.NewMemoryBus(), events.NewMemoryRegistry(), log)
	if err := hub.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hub.Stop)
	repo := &recorder{Repository: store}
	addChat(t, repo, chat1, 100, longest)
	return &graph.Resolver{Repo: repo, Live: hub, Log: log}, repo
}

func addChat(t *testing.T, repo db.Repository, id string, messages int, content string) {
	t.Helper()
	if _, err := repo.CreateChat(t.Context(), "ann", db.NewChat{ID: id, Title: "Algebra"}); err != nil {
		t.Fatal(err)
	}
	for range messages {
		message := db.NewMessage{ID: uuid.NewString(), ChatID: id, Role: db.RoleUser, Content: content}
		if _, err := repo.SendMessage(t.Context(), "ann", message); err != nil {
			t.Fatal(err)
		}
	}
}

// manyNames writes a selection n times under n names.
func manyNames(n int, name, selection string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " %s%d: %s", name, i, selection)
	}
	return b.String()
}

func inChat(selection string) string { return `{ chat(id: "` + chat1 + `") {` + selection + ` } }` }

// TestAnswerBytes: what is asked for in a few bytes of document is not answered in tens of megabytes.
func TestAnswerBytes(t *testing.T) {
	t.Parallel()
	resolver, repo := newLongChat(t)
	exec := graph.NewExecutor(resolver, graph.Options{})
	for i := range db.MaxMembers - 1 {
		if _, err := repo.AddMember(t.Context(), "ann", chat1, fmt.Sprintf("user-%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	page := func(n int) string { return fmt.Sprintf(`messages(last: %d) { edges { node { content } } }`, n) }
	const alone = `chat(id: "` + chat1 + `") { messages(last: 100) { edges { cursor } } }`
	twelve := "{" + manyNames(12, "c", `chat(id: "`+chat1+`") { ...F }`) + " } fragment F on Chat {"
	for _, c := range []struct {
		reason, document string
		limit            int // 0: it passes
		least            int // bytes of data
	}{
		{"the largest page", inChat(page(100)), 0, 6_400_000},
		{"a page of usual size, twice", inChat(manyNames(2, "m", page(50))), 0, 6_400_000},
		{"small pages", inChat(manyNames(12, "m", page(10))), 0, 7_000_000},
		{"one small page too many", inChat(manyNames(14, "m", page(10))), limits.MaxAnswerBytes, 0},
		{"the largest page twice, read once", inChat(manyNames(2, "m", page(100))), limits.MaxAnswerBytes, 0},
		{"pages of one chat", inChat(manyNames(20, "m", page(100))), limits.MaxAnswerBytes, 0},
		{"pages, each read", "{" + manyNames(12, "c", `chat(id: "`+chat1+`") {`+page(100)+`}`) + "}", limits.MaxAnswerBytes, 0},
		{"pages whose text nobody wants", "{" + manyNames(2, "c", alone) + "}", limits.MaxAnswerBytes, 1000},
		{"nodes by many names", inChat(`messages(last: 100) { edges {` + manyNames(20, "n", `node { content }`) + `} }`), limits.MaxAnswerBytes, 0},
		{"names that come together", inChat(`messages(last: 100) { edges { node { a: content } } edges { node { b: content } } }`), limits.MaxAnswerBytes, 0},
		{"names in one selection", inChat(`messages(last: 100) { edges { node {` + manyNames(5, "c", "content") + `} } }`), limits.MaxCost, 0},
		{"last messages", twelve + manyNames(10, "l", "lastMessage { content }") + "}", 0, 7_600_000},
		{"one last message too many", twelve + manyNames(12, "l", "lastMessage { content }") + "}", limits.MaxAnswerBytes, 0},
		{"members", twelve + "members { user { id } } }", 0, 12 * 500 * 20},
		{"members by many names", twelve + manyNames(12, "m", "members { user { id } }") + "}", limits.MaxAnswerBytes, 0},
		{"a node", `{ node(id: "` + chat1 + `") { ...F } } fragment F on Chat {` + page(100) + "}", 0, 6_400_000},
	} {
		response := respond(t.Context(), exec, &gqlgen.RawParams{Query: c.document})
		if len(response.Data) < c.least {
			t.Errorf("%s: only %d bytes of data", c.reason, len(response.Data))
		}
		if c.limit == 0 && response.Errors == nil {
			continue
		}
		if n := len(response.Errors); n == 0 || n > 12 || len(response.Data) > limits.MaxAnswerBytes {
			t.Errorf("%s: %d bytes, %d errors", c.reason, len(response.Data), n)
		}
		for _, err := range response.Errors {
			told := err.Extensions
			if value, _ := told["value"].(int); told["code"] != "QUERY_TOO_COMPLEX" || told["limit"] != c.limit || value <= c.limit {
				t.Errorf("%s: %v %v", c.reason, err, told)
			}
		}
	}
}

// TestAnswerBytesBesideData: a page that is refused leaves the others in place.
func TestAnswerBytesBesideData(t *testing.T) {
	t.Parallel()
	resolver, _ := newLongChat(t)
	exec := graph.NewExecutor(resolver, graph.Options{})
	const chat = `chat(id: "` + chat1 + `") { messages(last: 100) { edges { cursor } } }`
	var answer struct {
		Data   map[string]json.RawMessage
		Errors []struct {
			Message    string
			Path       []any
			Extensions map[string]any
		}
	}
	if err := json.Unmarshal(execute(t, exec, `{ a: `+chat+` b: `+chat+` }`, "", nil), &answer); err != nil {
		t.Fatal(err)
	}
	a, b := string(answer.Data["a"]) == "null", string(answer.Data["b"]) == "null"
	if a == b || len(answer.Errors) != 1 {
		t.Fatalf("a is null: %t, b is null: %t, %v", a, b, answer.Errors)
	}
	got := answer.Errors[0]
	if name := got.Path[0]; (name == "a") != a || len(got.Path) != 2 || got.Path[1] != "messages" {
		t.Errorf("the error is of %v", got.Path)
	}
	if !strings.Contains(got.Message, "smaller pages") || got.Extensions["limit"] != float64(limits.MaxAnswerBytes) || got.Extensions["code"] != "QUERY_TOO_COMPLEX" {
		t.Errorf("%+v", got)
	}
}

// TestEventsAreCountedAlone: a stream may go on for ever, but no event of it is a large answer.
func TestEventsAreCountedAlone(t *testing.T) {
	t.Parallel()
	resolver, repo := newLongChat(t)
	exec := graph.NewExecutor(resolver, graph.Options{})
	ctx, cancel := context.WithTimeout(auth.WithViewer(gqlgen.StartOperationTrace(t.Context()), auth.Viewer{ID: "ann"}), waitLong)
	defer cancel()
	chat, err := repo.Chat(ctx, "ann", chat1)
	if err != nil {
		t.Fatal(err)
	}
	start := db.Cursor{ChatID: chat1, Epoch: chat.Epoch}.String()
	follow := func(selection string) gqlgen.ResponseHandler {
		document := `subscription { chatEvents(chatId: "` + chat1 + `", after: "` + start + `") {` + selection + `} }`
		op, errs := exec.CreateOperationContext(ctx, &gqlgen.RawParams{Query: document})
		if errs != nil {
			t.Fatal(errs)
		}
		next, inner := exec.DispatchOperation(graph.WithRequest(ctx, graph.Request{Disconnect: func() {}}), op)
		return func(context.Context) *gqlgen.Response { return next(inner) }
	}
	next, total := follow(`... on MessageSent { message { content } again: message { content } }`), 0
	for range 102 { // the stream's beginning and the chat's creation come first
		response := next(ctx)
		if response == nil || response.Errors != nil {
			t.Fatalf("after %d bytes: %+v", total, response)
		}
		total += len(response.Data)
	}
	if total < 12_000_000 {
		t.Errorf("only %d bytes came", total)
	}
	next = follow(`... on MessageSent {` + manyNames(90, "m", "message { ...F }") + `} } } fragment F on Message { ... on Message { content copy: content`)
	next(ctx)
	next(ctx)
	wantRefused(t, "an event with 11 MB", next(ctx))
	next = follow(`... on ChatCreated {` + manyNames(12, "c", "chat { messages(last: 100) { edges { node { content } } } }") + `}`)
	next(ctx)
	wantRefused(t, "an event with the chat many times", next(ctx))
}

// wantRefused fails unless there was too much text for the answer.
func wantRefused(t *testing.T, reason string, response *gqlgen.Response) {
	t.Helper()
	if response == nil || response.Errors == nil {
		t.Fatalf("%s: no error", reason)
	}
	if limit := response.Errors[0].Extensions["limit"]; limit != limits.MaxAnswerBytes || len(response.Data) > limits.MaxAnswerBytes {
		t.Errorf("%s: limit %v, %d bytes of data: %.300s", reason, limit, len(response.Data), response.Errors.Error())
	}
}

// TestListsAreReadInParts: the pages of all chats of a list are one read only where that is small.
func TestListsAreReadInParts(t *testing.T) {
	t.Parallel()
	resolver, repo := newLongChat(t)
	exec := graph.NewExecutor(resolver, graph.Options{})
	for i := range 30 {
		addChat(t, repo, uuid.NewString(), 2+i%2, "x")
	}
	for _, c := range []struct {
		pages string
		want  int64
	}{{"last: 1", 31}, {"last: 2", 62}, {"first: 26", 780}, {"first: 60", 780}, {"first: 0", 780}} {
		response := respond(t.Context(), exec, &gqlgen.RawParams{
			Query: `{ chats(first: 100) { edges { node { messages(` + c.pages + `) { edges { cursor } } } } } }`,
		})
		wantMost(t, c.pages, response, repo.most.Load(), c.want)
	}
}

func wantMost(t *testing.T, reason string, response *gqlgen.Response, got, want int64) {
	t.Helper()
	if response.Errors != nil || strings.Count(string(response.Data), "messages") != 31 {
		t.Errorf("%s: %v %s", reason, response.Errors, response.Data)
	}
	if got != want {
		t.Errorf("%s: %d messages were asked for at once, not %d", reason, got, want)
	}
}

// TestAnswerBytesBoundMemory: four of the worst queries at once take less than one of them without the bound does.
//
//nolint:paralleltest // it measures the memory of the whole process
func TestAnswerBytesBoundMemory(t *testing.T) {
	resolver, _ := newLongChat(t)
	bounded := graph.NewExecutor(resolver, graph.Options{})
	unbounded := executor.New(generated.NewExecutableSchema(generated.Config{Resolvers: resolver}))
	pages := ""
	for i := range 22 {
		pages += fmt.Sprintf(" m%d: messages(last: %d) { edges { node { content } } }", i, 100-i) // a read for each
	}
	hostile := func(exec gqlgen.GraphExecutor) *gqlgen.Response {
		return respond(t.Context(), exec, &gqlgen.RawParams{Query: inChat(pages)})
	}
	with := peakMemory(t, 4, func() { wantRefused(t, "22 pages", hostile(bounded)) })
	without := peakMemory(t, 1, func() {
		if n := len(hostile(unbounded).Data); n < 100_000_000 {
			t.Errorf("only %d bytes of data without the bound", n)
		}
	})
	t.Logf("%d MB with the bound, %d MB without", with>>20, without>>20)
	if with > 150<<20 {
		t.Errorf("%d MB with the bound", with>>20)
	}
	if without < 2*with {
		t.Errorf("only %d MB without the bound, where %d MB are with it: this measures nothing", without>>20, with>>20)
	}
}

// peakMemory is how far the heap grows while n goroutines do the same at once. The collector runs early, so that garbage
// counts little.
func peakMemory(t *testing.T, n int, do func()) uint64 {
	t.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(5))
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	before, peak := stats.HeapAlloc, stats.HeapAlloc
	var all sync.WaitGroup
	for range n {
		all.Go(do)
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	for tick := time.NewTicker(time.Millisecond); ; {
		select {
		case <-tick.C:
			runtime.ReadMemStats(&stats)
			peak = max(peak, stats.HeapAlloc)
		case <-done:
			tick.Stop()
			return peak - before
		}
	}
}
