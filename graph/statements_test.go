package graph_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	gqlgen "github.com/99designs/gqlgen/graphql"
	"github.com/uptrace/bun"

	"studychat/auth"
	"studychat/db"
	"studychat/db/sqlstore"
	"studychat/events"
	"studychat/events/hub"
	"studychat/graph"
)

// statements counts what reaches the database.
type statements struct{ n atomic.Int64 }

func (s *statements) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context {
	s.n.Add(1)
	return ctx
}

func (*statements) AfterQuery(context.Context, *bun.QueryEvent) {}

// TestStatementsOfAPage: a page of one chat and one of 20 take the same number of statements, with all that a sidebar shows:
// names, latest messages, modules.
func TestStatementsOfAPage(t *testing.T) {
	t.Parallel()
	counter := &statements{}
	store, err := sqlstore.Open(t.Context(), "sqlite::memory:", sqlstore.OpenOptions{Hook: counter})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if _, err := store.MigrateUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	for _, c := range []struct {
		reason, selection string
		want              int64
	}{
		{"names, latest message and module", `id title seq module { id title } lastMessage { content author { name avatarUrl } } createdBy { name } members { user { name } }`, 6 + 1 + 1},
		{"what else there is", `viewerState { unreadCount pinnedAt } members { readSeq } lastMessage { replyTo { content author { name } } chat { title } } messages(last: 2) { nodes { author { name } replyTo { id } } }`, 6 + 1 + 1 + 1 + 5 + 4 + 1},
	} {
		counts := map[int]int64{}
		for _, chats := range []int{1, db.ChatPage} {
			viewer := fmt.Sprintf("%s %d", c.reason, chats)
			fillSidebar(t, store, viewer, chats)
			resolver := &graph.Resolver{Repo: store, Live: hub.New(store, events.NewMemoryBus(), events.NewMemoryRegistry(), log), Log: log}
			exec := graph.NewExecutor(resolver, graph.Options{}) // which remembers no names yet
			ctx := auth.WithViewer(t.Context(), auth.Viewer{ID: viewer})
			respond(ctx, exec, &gqlgen.RawParams{Query: `{ __typename }`}) // stores the viewer's name
			before := counter.n.Load()
			response := respond(ctx, exec, &gqlgen.RawParams{Query: `{ chats { eventCursor nodes { ` + c.selection + ` } } }`})
			counts[chats] = counter.n.Load() - before
			if response.Errors != nil || strings.Count(string(response.Data), `"name":"author `) < chats {
				t.Fatalf("%s: %v %s", c.reason, response.Errors, response.Data)
			}
		}
		if counts[1] != c.want || counts[db.ChatPage] != c.want {
			t.Errorf("%s: %d statements for one chat, %d for %d, want %d", c.reason, counts[1], counts[db.ChatPage], db.ChatPage, c.want)
		}
	}
}

// fillSidebar gives the viewer chats, each of a module and with two messages of another author, the second an answer.
func fillSidebar(t *testing.T, store *sqlstore.Store, viewer string, chats int) {
	t.Helper()
	for i := range chats {
		author, module := fmt.Sprintf("author %d of %s", i, viewer), fmt.Sprintf("module %d of %s", i, viewer)
		_, err := store.PutModule(t.Context(), db.Module{ID: module, Title: module})
		must(t, err)
		chat := db.NewID()
		_, err = store.CreateChat(t.Context(), viewer, db.NewChat{ID: chat, Title: "A chat", ModuleID: &module})
		must(t, err)
		_, err = store.AddMember(t.Context(), viewer, chat, author)
		must(t, err)
		first, err := store.SendMessage(t.Context(), author, db.NewMessage{ID: db.NewID(), ChatID: chat, Role: db.RoleUser, Content: "first"})
		must(t, err)
		_, err = store.SendMessage(t.Context(), author, db.NewMessage{ID: db.NewID(), ChatID: chat, Role: db.RoleUser, Content: "second", ReplyTo: &first.Message.ID})
		must(t, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
