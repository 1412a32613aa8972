package graph_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	gqlgen "github.com/99designs/gqlgen/graphql"

	"studychat/auth"
	"studychat/db"
	"studychat/graph"
)

func TestViewer(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	const document = `{ viewer { __typename id name avatarUrl } }`
	match(t, "a token without a name", document, e.ask("ann", document, nil))
	match(t, "unauthenticated", e.ask("", document, nil))
}

func TestUpsertUser(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	const document = `mutation ($user: ID!, $name: String!, $avatar: String) {
  upsertUser(input: {userId: $user, name: $name, avatarUrl: $avatar}) { user { id name avatarUrl } }
}`
	match(t, "with a picture", document, e.ask(clerk, document, vars{"user": "user:bob", "name": " Bob B.\n", "avatar": "https://pictures.example/bob.png"}))
	match(t, "the name is shown everywhere", e.ask("ann", `{ chat(id: "`+chat1+`") { createdBy { name } members { user { id name avatarUrl } } lastMessage { author { name avatarUrl } } } }`, nil))
	match(t, "by the subject alone, without a picture", e.ask(clerk, document, vars{"user": "bob", "name": "Bob"}))
	match(t, "without the scope", e.ask("ann", document, vars{"user": "user:bob", "name": "Bob"}))
	match(t, "no name", e.ask(clerk, document, vars{"user": "user:bob", "name": "\u200b"}))
	match(t, "no picture that a page may load", e.ask(clerk, document, vars{"user": "user:bob", "name": "Bob", "avatar": "javascript:alert(1)"}))
	match(t, "unauthenticated", e.ask("", document, vars{"user": "user:bob", "name": "Bob"}))
}

func TestAddMemberWhoIsKnown(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	const document = `mutation ($user: ID!, $invite: Boolean) {
  addMember(input: {chatId: "` + chat1 + `", userId: $user, invite: $invite}) { member { id user { id name } role } chat { members { user { id } } } }
}`
	match(t, "a typing error", document, e.ask("ann", document, vars{"user": "user:evee"}))
	e.must("eve", `{ viewer { id } }`, nil)
	match(t, "who was here", e.ask("ann", document, vars{"user": "user:eve"}))
	match(t, "who was not, but is invited", e.ask("ann", document, vars{"user": "xan", "invite": true}))
	match(t, "again", e.ask("ann", document, vars{"user": "xan", "invite": true}))
	match(t, "by a member", e.ask("bob", document, vars{"user": "user:evee"}))
}

// names counts the reads of names.
type names struct {
	db.Repository
	reads  int
	broken bool
}

func (n *names) Users(ctx context.Context, ids []string) (map[string]*db.User, error) {
	n.reads++
	if n.broken {
		return nil, db.Unavailable(errors.New("broken"))
	}
	return n.Repository.Users(ctx, ids)
}

// TestNamesAreFresh: a name is read again when it is 60 s old, not before; one that cannot be read is shown as it was.
func TestNamesAreFresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issued := time.Now()
		log := slog.New(slog.DiscardHandler)
		repo := &names{Repository: newStore(t, log)}
		exec := graph.NewExecutor(&graph.Resolver{Repo: repo, Log: log}, graph.Options{})
		ask := func(name string) string {
			t.Helper()
			viewer := auth.Viewer{ID: "ann", Name: name, Issued: issued}
			response := respond(auth.WithViewer(t.Context(), viewer), exec, &gqlgen.RawParams{Query: `{ viewer { name } }`})
			if response.Errors != nil {
				t.Fatal(response.Errors)
			}
			return string(response.Data)
		}
		wants := func(reason, got, name string, reads int) {
			t.Helper()
			if !strings.Contains(got, `"`+name+`"`) || repo.reads != reads {
				t.Errorf("%s: %s after %d reads, want %s after %d", reason, got, repo.reads, name, reads)
			}
		}
		wants("the token's name, as it was stored", ask("Ann"), "Ann", 0)
		if err := repo.UpsertUser(t.Context(), db.User{ID: "ann", Name: "Written elsewhere"}); err != nil {
			t.Fatal(err)
		}
		<-time.After(59 * time.Second)
		wants("fresh", ask("Ann"), "Ann", 0)
		<-time.After(2 * time.Second)
		wants("old", ask("Ann"), "Written elsewhere", 1)
		repo.broken = true
		<-time.After(2 * time.Minute)
		wants("old, and the database is away", ask("Ann"), "Written elsewhere", 2)
		repo.broken = false
		issued = time.Now()
		wants("a newer token says something else", ask("Ann B."), "Ann B.", 2)
	})
}
