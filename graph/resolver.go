// Package graph is the edge where GraphQL meets the domain: resolvers, and the one place that turns errors into answers. It
// knows neither SQL nor Redis, nor that there is a cache.
package graph

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"

	"github.com/vektah/gqlparser/v2/ast"

	"studychat/auth"
	"studychat/db"
	"studychat/events"
	"studychat/graph/generated"
	"studychat/graph/limits"
	"studychat/graph/outcome"
	"studychat/graph/people"
	"studychat/graph/persisted"
)

// Live is what the edge needs of the live path; *hub.Hub implements it.
type Live interface {
	Chat(ctx context.Context, viewer, chatID string, after *db.Cursor) (events.Stream, error)
	Feed(ctx context.Context, viewer string, after *db.FeedCursor) (events.Stream, error)
	Typing(ctx context.Context, viewer, chatID string, typing bool)
	Online(ctx context.Context, chats []*db.Chat) (map[string][]string, error)
}

// Resolver answers every field that is not a plain struct field. Its methods check and clean what clients send
// (db.ParseID, db.CleanTitle …); from there on everything is canonical.
type Resolver struct {
	Repo db.Repository
	Live Live
	Log  *slog.Logger

	people   *people.People // made by NewExecutor, like the two below
	errors   *errorCounts
	outcomes *outcome.Log
}

var _ generated.ResolverRoot = (*Resolver)(nil)

// Query answers queries.
func (r *Resolver) Query() generated.QueryResolver { return queryResolver{r} }

// Mutation answers mutations.
func (r *Resolver) Mutation() generated.MutationResolver { return mutationResolver{r} }

// Subscription answers subscriptions.
func (r *Resolver) Subscription() generated.SubscriptionResolver { return subscriptionResolver{r} }

// Chat answers the fields of a chat that need a look-up.
func (r *Resolver) Chat() generated.ChatResolver { return chatResolver{r} }

// ChatConnection answers the count of a list of chats.
func (r *Resolver) ChatConnection() generated.ChatConnectionResolver {
	return chatConnectionResolver{r}
}

// Member answers the read mark of a member.
func (r *Resolver) Member() generated.MemberResolver { return memberResolver{r} }

// Message answers the fields of a message that lead to other objects.
func (r *Resolver) Message() generated.MessageResolver { return messageResolver{r} }

// Module answers the large and the personal fields of a module.
func (r *Resolver) Module() generated.ModuleResolver { return moduleResolver{r} }

// SendMessagePayload answers the chat of a message that was sent.
func (r *Resolver) SendMessagePayload() generated.SendMessagePayloadResolver {
	return sendMessagePayloadResolver{r}
}

// User answers what is known of a user beside the id.
func (r *Resolver) User() generated.UserResolver { return userResolver{r} }

type (
	queryResolver        struct{ *Resolver }
	mutationResolver     struct{ *Resolver }
	subscriptionResolver struct{ *Resolver }
	chatResolver         struct{ *Resolver }

	chatConnectionResolver struct{ *Resolver }
	memberResolver         struct{ *Resolver }
	messageResolver        struct{ *Resolver }
	moduleResolver         struct{ *Resolver }
	userResolver           struct{ *Resolver }

	sendMessagePayloadResolver struct{ *Resolver }
)

// viewer is the id of the user who asks. Errors: UNAUTHENTICATED.
func viewer(ctx context.Context) (string, error) {
	v, err := auth.FromContext(ctx)
	return v.ID, err
}

// viewerAnd is how nearly every resolver begins: who asks, and the canonical form of the one id that the call is about.
func viewerAnd(ctx context.Context, field, id string) (user, canonical string, err error) {
	if user, err = viewer(ctx); err != nil {
		return "", "", err
	}
	canonical, err = db.ParseID(field, id)
	return user, canonical, err
}

// schema is what clients see and what their documents are validated against. The parser adds @defer to every schema; it is
// not part of GraphQL (September 2025), no transport carries the answers that would come later, and what was deferred
// became null. Without the definition it is an unknown directive. A copy: the generated one belongs to its package.
var schema = func() *ast.Schema {
	own := *generated.NewExecutableSchema(generated.Config{}).Schema()
	own.Directives = maps.Clone(own.Directives)
	delete(own.Directives, "defer")
	return &own
}()

// CheckManifest says which documents of a manifest could never run, because they do not fit the schema or exceed the
// limits. A server calls it at its start: otherwise the first failing client would show the mistake.
func CheckManifest(manifest *persisted.Manifest) error {
	var wrong []error
	for id, text := range manifest.All() {
		if err := limits.Check(schema, text); err != nil {
			wrong = append(wrong, fmt.Errorf("the trusted document %.100q: %w", id, err))
		}
	}
	return errors.Join(wrong...)
}
