package graph

import (
	"context"
	"time"

	"studychat/auth"
	"studychat/db"
	"studychat/graph/model"
)

func (r mutationResolver) AddMember(ctx context.Context, input model.AddMemberInput) (*model.AddMemberPayload, error) {
	add := r.Repo.AddKnownMember
	if input.Invite != nil && *input.Invite {
		add = r.Repo.AddMember
	}
	chat, event, err := r.changeMember(ctx, input.ChatID, input.UserID, add)
	if err != nil {
		return nil, err
	}
	return &model.AddMemberPayload{Chat: chat, Member: event.Member}, nil
}

func (r mutationResolver) RemoveMember(ctx context.Context, input model.RemoveMemberInput) (*model.RemoveMemberPayload, error) {
	chat, event, err := r.changeMember(ctx, input.ChatID, input.UserID, r.Repo.RemoveMember)
	if err != nil {
		return nil, err
	}
	return &model.RemoveMemberPayload{Chat: chat, RemovedUser: event.Member.User()}, nil
}

// changeMember is what adding, removing and transferring have in common.
func (r *Resolver) changeMember(ctx context.Context, chatID, userID string, change func(ctx context.Context, viewer, chatID, user string) (*db.Event, error)) (*model.Chat, *db.Event, error) {
	viewer, chatID, err := viewerAnd(ctx, "chatId", chatID)
	if err != nil {
		return nil, nil, err
	}
	userID, err = db.ParseUserID("userId", userID)
	if err != nil {
		return nil, nil, err
	}
	event, err := change(ctx, viewer, chatID, userID)
	if err != nil {
		return nil, nil, err
	}
	chat, err := r.chat(ctx, viewer, chatID)
	return chat, event, err
}

func (r mutationResolver) LeaveChat(ctx context.Context, input model.LeaveChatInput) (*model.LeaveChatPayload, error) {
	user, id, err := viewerAnd(ctx, "chatId", input.ChatID)
	if err != nil {
		return nil, err
	}
	_, err = r.Repo.LeaveChat(ctx, user, id)
	return &model.LeaveChatPayload{LeftChatID: id}, err
}

func (r mutationResolver) MarkRead(ctx context.Context, input model.MarkReadInput) (*model.MarkReadPayload, error) {
	user, id, err := viewerAnd(ctx, "chatId", input.ChatID)
	if err != nil {
		return nil, err
	}
	if input.Seq < 0 {
		return nil, db.BadInput("seq", "must not be negative.")
	}
	if _, _, err := r.Repo.MarkRead(ctx, user, id, int64(input.Seq)); err != nil {
		return nil, err
	}
	chat, err := r.chat(ctx, user, id)
	return &model.MarkReadPayload{Chat: chat}, err
}

func (r mutationResolver) UpdateViewerState(ctx context.Context, input model.UpdateViewerStateInput) (*model.UpdateViewerStatePayload, error) {
	user, id, err := viewerAnd(ctx, "chatId", input.ChatID)
	if err != nil {
		return nil, err
	}
	change := db.ViewerStateChange{Pinned: input.Pinned, Archived: input.Archived}
	if until, given := input.MutedUntil.ValueOK(); given {
		if until == nil {
			until = &time.Time{}
		}
		change.MutedUntil = until
	}
	if err := r.Repo.UpdateViewerState(ctx, user, id, change); err != nil {
		return nil, err
	}
	chat, err := r.chat(ctx, user, id)
	return &model.UpdateViewerStatePayload{Chat: chat}, err
}

// SetTyping reads the chat, usually from the cache, to learn whether the viewer is a member. Nothing is stored.
func (r mutationResolver) SetTyping(ctx context.Context, input model.SetTypingInput) (*model.SetTypingPayload, error) {
	user, id, err := viewerAnd(ctx, "chatId", input.ChatID)
	if err != nil {
		return nil, err
	}
	if _, err := r.Repo.Chat(ctx, user, id); err != nil {
		return nil, err
	}
	r.Live.Typing(ctx, user, id, input.Typing)
	return &model.SetTypingPayload{ChatID: id}, nil
}

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
	r.people.Forget(user.ID)
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
