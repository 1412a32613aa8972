package graph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"

	gqlgen "github.com/99designs/gqlgen/graphql"

	"studychat/auth"
	"studychat/db"
	"studychat/graph"
)

// again serves a body again while the repository below returns the same, as the cache does while the fill is the same. What is rendered
// from it may be kept with it.
type again struct {
	db.Repository

	kept   int  // how often something was kept
	refill bool // the control: the body of a new fill takes the place of the old one, in its memory

	mu    sync.Mutex
	chats map[string]*db.Chat
	lists map[string]*db.ChatList
}

func newAgain(repo db.Repository) *again {
	return &again{Repository: repo, chats: map[string]*db.Chat{}, lists: map[string]*db.ChatList{}}
}

func (a *again) Chat(ctx context.Context, viewer, id string) (*db.Chat, error) {
	chat, err := a.Repository.Chat(ctx, viewer, id)
	if err != nil {
		return nil, err
	}
	return serveAgain(a, a.chats, id, chat, func(old *db.Chat) {
		old.Title, old.HeadSeq, old.LastAt, old.LastMessageAt = chat.Title, chat.HeadSeq, chat.LastAt, chat.LastMessageAt
		old.Members, old.LastMessage, old.Newest = chat.Members, chat.LastMessage, chat.Newest
	}), nil
}

func (a *again) Chats(ctx context.Context, viewer string, module *string, page db.Page) (*db.ChatList, error) {
	list, err := a.Repository.Chats(ctx, viewer, module, page)
	if err != nil || module != nil || page.After != nil || page.Before != nil || page.Backward {
		return list, err
	}
	list.Cursor = db.FeedCursor{User: viewer, At: someTime} // its time differs in each read
	return serveAgain(a, a.lists, fmt.Sprint(viewer, page.Limit), list, func(old *db.ChatList) { old.Chats, old.HasNext = list.Chats, list.HasNext }), nil
}

func serveAgain[T interface{ KeepRendered(grow func(int) bool) }](a *again, bodies map[string]T, key string, fresh T, refill func(old T)) T {
	a.mu.Lock()
	defer a.mu.Unlock()
	old, ok := bodies[key]
	was, _ := json.Marshal(old)
	switch is, _ := json.Marshal(fresh); {
	case ok && bytes.Equal(was, is):
		return old
	case ok && a.refill:
		refill(old)
		return old
	}
	fresh.KeepRendered(func(int) bool { a.kept++; return true })
	bodies[key] = fresh
	return fresh
}

// keptDocuments show bodies, in ways that a rendering has to tell apart.
var keptDocuments = []string{
	`query ($n: Int!) { chats(first: $n) { nodes { id title seq lastMessage { id content author { id name } } } } }`,
	`query ($n: Int!) { chats(first: 5) { edges { cursor node { title members { user { name avatarUrl } role } } } pageInfo { hasNextPage endCursor } } }`,
	`query ($n: Int!) { chat(id: "` + chat1 + `") { id title messages(last: $n) { nodes { id seq content deletedAt author { id name } } pageInfo { hasPreviousPage } } } }`,
	`query ($n: Int!) { chat(id: "` + chat1 + `") { seq a: messages(last: $n) { nodes { content } } members { user { id name } } } node(id: "` + chat1 + `") { ... on Chat { title createdBy { name } } } }`,
	`query ($n: Int!) { chat(id: "` + chat1 + `") { title viewerState { unreadCount } messages(last: $n) { nodes { id } } } }`,
}

// keeping asks one executor again and again, while things change, and compares with executors that know nothing.
type keeping struct {
	t    *testing.T
	e    *edge
	repo *again
	exec *graph.Executor
}

func newKeeping(t *testing.T) *keeping {
	t.Helper()
	k := &keeping{t: t, e: seeded(t)}
	k.repo = newAgain(k.e.repo)
	k.exec = k.executor(graph.NewExecutor)
	return k
}

func (k *keeping) executor(newExecutor func(*graph.Resolver, graph.Options) *graph.Executor) *graph.Executor {
	return newExecutor(&graph.Resolver{Repo: k.repo, Live: faultyLive{&faulty{k.repo, 0, false}}, Log: slog.New(slog.DiscardHandler)}, graph.Options{})
}

func (k *keeping) ask(exec *graph.Executor, user, document string, n int) string {
	ctx := auth.WithViewer(graph.WithRequest(k.t.Context(), graph.Request{ID: "request-1"}), auth.Viewer{ID: user, Scopes: []string{auth.ScopeUsers}})
	raw, _ := json.Marshal(respond(ctx, exec, &gqlgen.RawParams{Query: document, Variables: map[string]any{"n": json.Number(fmt.Sprint(n))}}))
	return string(raw)
}

// change changes something that the documents show.
func (k *keeping) change(random *rand.Rand) {
	text := fmt.Sprint("news ", random.Int())
	var err error
	switch random.IntN(5) {
	case 0:
		_, err = k.repo.SendMessage(k.t.Context(), "ann", db.NewMessage{ID: db.NewID(), ChatID: chat1, Role: db.RoleUser, Content: text})
	case 1:
		_, err = k.repo.RenameChat(k.t.Context(), "ann", chat1, text)
	case 2:
		_, _ = k.repo.AddMember(k.t.Context(), "ann", chat1, "eve")
	case 3:
		_, _ = k.repo.RemoveMember(k.t.Context(), "ann", chat1, "eve")
	case 4:
		k.ask(k.exec, clerk, `mutation { upsertUser(input: {userId: "user:ann", name: "`+text+`"}) { user { id } } }`, 0)
	}
	if err != nil {
		k.t.Error(err)
	}
}

// differences asks and changes at random, and returns the answers that were wrong.
func (k *keeping) differences(rounds int) (wrong []string) {
	random := rand.New(rand.NewPCG(7, 11))
	for range rounds {
		if random.IntN(3) == 0 {
			k.change(random)
		}
		user, document, n := []string{"ann", "bob", "eve"}[random.IntN(3)], keptDocuments[random.IntN(len(keptDocuments))], 1+random.IntN(2)
		got, want := k.ask(k.exec, user, document, n), k.ask(k.executor(graph.NewStockExecutor), user, document, n)
		if got != want {
			wrong = append(wrong, fmt.Sprintf("%s %d %s\ngot  %s\nwant %s", user, n, document, got, want))
		}
	}
	return wrong
}

// TestWhatIsKeptIsWhatWouldBeRendered: messages, names, members and permissions change, and no answer is old.
func TestWhatIsKeptIsWhatWouldBeRendered(t *testing.T) {
	t.Parallel()
	k := newKeeping(t)
	if wrong := k.differences(300); len(wrong) > 0 {
		t.Errorf("%d answers are wrong, such as\n%s", len(wrong), wrong[0])
	}
	if k.repo.kept < 25 {
		t.Errorf("kept %d times: this test shows little", k.repo.kept)
	}
}

// TestControlRenderingsKeptOverFillsAreCaught is the control: renderings of one fill are kept for the next one.
func TestControlRenderingsKeptOverFillsAreCaught(t *testing.T) {
	t.Parallel()
	k := newKeeping(t)
	k.repo.refill = true
	if wrong := k.differences(200); len(wrong) == 0 {
		t.Error("the comparison is blind")
	}
}

// TestKeptDocumentsAreKept: the documents that clients ask for most are rendered once, and an answer from memory costs few allocations.
func TestKeptDocumentsAreKept(t *testing.T) { //nolint:paralleltest // it counts what the whole process allocates
	for _, c := range benchmarked[1:] {
		repo := newRemembered()
		kept := 0
		repo.list.KeepRendered(func(int) bool { kept++; return true })
		repo.chat.KeepRendered(func(int) bool { kept++; return true })
		answer := prepareOn(t, repo, graph.NewExecutor, c.document)
		rendered := answer()
		if kept != 1 || len(rendered.Errors) > 0 {
			t.Fatalf("%s: kept %d times, %v", c.name, kept, rendered.Errors)
		}
		n := testing.AllocsPerRun(100, func() {
			if again := answer(); !bytes.Equal(again.Data, rendered.Data) {
				t.Error("another answer")
			}
		})
		if kept != 1 || n > 25 {
			t.Errorf("%s: kept %d times; %v allocations", c.name, kept, n)
		}
	}
}
