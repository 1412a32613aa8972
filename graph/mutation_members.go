package graph

import (
	"context"

	"studychat/db"
	"studychat/graph/model"
)

func (r mutationResolver) AddMember(ctx context.Context, input model.AddMemberInput) (*model.AddMemberPayload, error) {
	chat, err := r.changeMember(ctx, input.ChatID, input.UserID, r.Repo.AddMember)
	if err != nil {
		return nil, err
	}
	return &model.AddMemberPayload{Chat: chat}, nil
}

func (r mutationResolver) RemoveMember(ctx context.Context, input model.RemoveMemberInput) (*model.RemoveMemberPayload, error) {
	chat, err := r.changeMember(ctx, input.ChatID, input.UserID, r.Repo.RemoveMember)
	if err != nil {
		return nil, err
	}
	return &model.RemoveMemberPayload{Chat: chat}, nil
}

// changeMember does what adding and removing have in common.
func (r *Resolver) changeMember(ctx context.Context, chatID, userID string, change func(ctx context.Context, viewer, chatID, user string) (*db.Event, error)) (*model.Chat, error) {
	viewer, chatID, err := viewerAnd(ctx, "chatId", chatID)
	if err != nil {
		return nil, err
	}
	userID, err = db.CleanName("userId", userID)
	if err != nil {
		return nil, err
	}
	if _, err := change(ctx, viewer, chatID, userID); err != nil {
		return nil, err
	}
	return r.chat(ctx, viewer, chatID)
}

func (r mutationResolver) LeaveChat(ctx context.Context, input model.LeaveChatInput) (*model.LeaveChatPayload, error) {
	user, id, err := viewerAnd(ctx, "chatId", input.ChatID)
	if err != nil {
		return nil, err
	}
	if _, err := r.Repo.LeaveChat(ctx, user, id); err != nil {
		return nil, err
	}
	return &model.LeaveChatPayload{LeftChatID: id}, nil
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
	if err != nil {
		return nil, err
	}
	return &model.MarkReadPayload{Chat: chat}, nil
}

// SetTyping reads the chat to learn whether the viewer is a member: a hit in the cache, and nothing is stored.
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
