package graph_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	gqlgen "github.com/99designs/gqlgen/graphql"

	"studychat/auth"
	"studychat/db"
	"studychat/graph"
)

// remembered is a repository that answers from memory, and takes no time.
type remembered struct {
	db.Repository

	list *db.ChatList
	chat *db.Chat
}

func (r *remembered) Chats(context.Context, string, *string, db.Page) (*db.ChatList, error) {
	return r.list, nil
}

func (r *remembered) Chat(context.Context, string, string) (*db.Chat, error) { return r.chat, nil }

func (r *remembered) Users(_ context.Context, ids []string) (map[string]*db.User, error) {
	users := make(map[string]*db.User, len(ids))
	for _, id := range ids {
		users[id] = &db.User{ID: id, Name: "The name of " + id}
	}
	return users, nil
}

func (r *remembered) SawUser(_ context.Context, id string, _ db.Claims) (*db.User, error) {
	return &db.User{ID: id, Name: id}, nil
}

// newRemembered has 20 chats, each with its latest message, and one chat with 20 messages.
func newRemembered() *remembered {
	r := &remembered{list: &db.ChatList{HasNext: true}}
	for i := range 20 {
		id := fmt.Sprintf("00000000-0000-7000-8000-%012d", i)
		message := &db.Message{
			ID: id, ChatID: chat1, Seq: int64(i), Author: fmt.Sprintf("user-%d", i%5), Role: db.RoleUser, CreatedAt: someTime,
			Content: "What is a group? A set with one operation, which is associative, has a neutral element, and inverses.",
		}
		r.list.Chats = append(r.list.Chats, &db.Chat{ID: id, Title: "Algebra", CreatedBy: "ann", CreatedAt: someTime, LastAt: someTime, LastMessageAt: someTime, HeadSeq: 100, LastMessage: message})
	}
	newest := &db.MessageList{}
	for _, chat := range r.list.Chats {
		newest.Messages = append(newest.Messages, chat.LastMessage)
	}
	r.chat = &db.Chat{ID: chat1, Title: "Algebra", CreatedBy: "ann", CreatedAt: someTime, LastAt: someTime, HeadSeq: 100}
	r.chat.Newest = &db.Newest{Messages: newest.Messages, Whole: true}
	return r
}

// benchmarked are the answers that clients ask for most.
var benchmarked = []struct{ name, document string }{
	{"viewer", `{ __typename }`},
	{"chats", `{ chats(first: 20) { edges { cursor node { id title seq lastMessageAt lastMessage { id seq content createdAt author { id name } } } } pageInfo { hasNextPage endCursor } eventCursor } }`},
	{"page", `{ chat(id: "` + chat1 + `") { id title messages(last: 20) { edges { cursor node { id seq role content createdAt editedAt deletedAt author { id name avatarUrl } } } pageInfo { hasPreviousPage startCursor } eventCursor } } }`},
}

func prepareOn(b testing.TB, repo db.Repository, newExecutor func(*graph.Resolver, graph.Options) *graph.Executor, document string) (answer func() *gqlgen.Response) {
	b.Helper()
	exec := newExecutor(&graph.Resolver{Repo: repo, Log: slog.New(slog.DiscardHandler)}, graph.Options{})
	ctx := auth.WithViewer(graph.WithRequest(b.Context(), graph.Request{ID: "request-1"}), auth.Viewer{ID: "ann"})
	operation, refusal := exec.Prepare(ctx, &gqlgen.RawParams{Query: document})
	if refusal != nil {
		b.Fatal(refusal.Errors)
	}
	if first := operation.Answer(ctx, nil); len(first.Errors) > 0 {
		b.Fatal(first.Errors)
	}
	return func() *gqlgen.Response { return operation.Answer(ctx, nil) }
}

func BenchmarkAnswer(b *testing.B) {
	for _, c := range benchmarked {
		for name, newExecutor := range map[string]func(*graph.Resolver, graph.Options) *graph.Executor{"plan": graph.NewExecutor, "kept": graph.NewExecutor, "gqlgen": graph.NewStockExecutor} {
			b.Run(c.name+"/"+name, func(b *testing.B) {
				repo := newRemembered()
				if name == "kept" {
					repo.list.KeepRendered(func(int) bool { return true })
					repo.chat.KeepRendered(func(int) bool { return true })
				}
				answer := prepareOn(b, repo, newExecutor, c.document)
				b.ReportAllocs()
				before := cpu(b)
				for b.Loop() {
					answer()
				}
				b.ReportMetric(float64((cpu(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
			})
		}
	}
}
