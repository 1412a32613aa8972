package graph

import (
	"context"

	"studychat/auth"
	"studychat/db"
	"studychat/graph/model"
)

func (r mutationResolver) UpsertUser(ctx context.Context, input model.UpsertUserInput) (*model.UpsertUserPayload, error) {
	if err := needScope(ctx, auth.ScopeUsers); err != nil {
		return nil, err
	}
	user, err := newUser(input)
	if err != nil {
		return nil, err
	}
	if err := r.Repo.UpsertUser(ctx, user); err != nil {
		return nil, err
	}
	r.people.forget(user.ID)
	return &model.UpsertUserPayload{User: &user}, nil
}

func newUser(input model.UpsertUserInput) (user db.User, err error) {
	if user.ID, err = db.ParseUserID("userId", input.UserID); err != nil {
		return user, err
	}
	if user.Name, err = db.CleanTitle("name", input.Name); err != nil {
		return user, err
	}
	if input.AvatarURL != nil && *input.AvatarURL != "" {
		var address string
		address, err = db.CleanAvatarURL("avatarUrl", *input.AvatarURL)
		user.AvatarURL = &address
	}
	return user, err
}
