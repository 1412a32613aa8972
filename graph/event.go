package graph

import (
	"cmp"
	"context"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"studychat/db"
	"studychat/graph/model"
)

// The subscription's resolver reads what events point to.
var _ model.Source = subscriptionResolver{}

// EventChat implements model.Source: the same chat for all fields of one event.
func (r subscriptionResolver) EventChat(ctx context.Context, chatID string) (*model.Chat, error) {
	chat, _, err := r.chatOf(ctx, chatID)
	return chat, err
}

// EventOnline implements model.Source.
func (r subscriptionResolver) EventOnline(ctx context.Context, chatID string) ([]*db.User, error) {
	chat, err := r.EventChat(ctx, chatID)
	if err != nil || chat == nil {
		return []*db.User{}, err
	}
	online, err := r.Live.Online(ctx, []*db.Chat{chat.Chat})
	return usersWith(online[chatID]), err
}

// EventReadMarks implements model.Source.
func (r subscriptionResolver) EventReadMarks(ctx context.Context, chatID string) ([]*model.ReadMark, error) {
	user, err := viewer(ctx)
	if err != nil {
		return nil, err
	}
	read, err := r.Repo.ReadMarks(ctx, user, []string{chatID})
	if err != nil {
		return nil, err
	}
	marks := []*model.ReadMark{}
	users := &answerFrom(ctx).users
	for user, seq := range read[chatID] {
		users.expect(user)
		marks = append(marks, &model.ReadMark{User: &db.User{ID: user}, ReadSeq: int(seq)})
	}
	slices.SortFunc(marks, func(a, b *model.ReadMark) int { return cmp.Compare(a.User.ID, b.User.ID) })
	return marks, nil
}

// EventUnread implements model.Source.
func (r subscriptionResolver) EventUnread(ctx context.Context, chatID, user string) (*int, error) {
	who, err := viewer(ctx)
	if err != nil || who != user {
		return nil, err
	}
	states, err := r.Repo.ViewerStates(ctx, who, []string{chatID})
	state, ok := states[chatID]
	if err != nil || !ok {
		return nil, err
	}
	return &state.UnreadCount, nil
}

// wholeEvent corrects the answer for an event in which something failed. gqlgen resolves an event without the subscription's
// field: paths of errors begin below it, and a null that the field does not allow stays there instead of reaching data
// (GraphQL, 6.4.4).
func wholeEvent(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	response := next(ctx)
	if response == nil || len(response.Errors) == 0 || len(response.Data) == 0 || answerFrom(ctx).plan != nil {
		return response
	}
	operation := graphql.GetOperationContext(ctx)
	if operation.Operation.Operation != ast.Subscription {
		return response
	}
	root := graphql.CollectFields(operation, operation.Operation.SelectionSet, []string{"Subscription"})[0]
	for _, err := range response.Errors {
		if len(err.Path) > 0 {
			err.Path = append(ast.Path{ast.PathName(root.Alias)}, err.Path...)
		}
	}
	if root.Definition.Type.NonNull && string(response.Data) == `{"`+root.Alias+`":null}` {
		response.Data = []byte("null")
	}
	return response
}
