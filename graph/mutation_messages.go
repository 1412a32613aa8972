package graph

import (
	"context"

	"studychat/auth"
	"studychat/db"
	"studychat/graph/model"
)

func (r mutationResolver) SendMessage(ctx context.Context, input model.SendMessageInput) (*model.SendMessagePayload, error) {
	who, err := auth.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	message, err := newMessage(input)
	if err != nil {
		return nil, err
	}
	if message.Role != db.RoleUser && !who.HasScope(auth.ScopeAssistant) {
		return nil, db.Forbidden("Only a token with the scope \"assistant\" may send in this role.")
	}
	event, err := r.Repo.SendMessage(ctx, who.ID, message)
	if err != nil {
		return nil, err
	}
	return &model.SendMessagePayload{Message: event.Message}, nil
}

func newMessage(input model.SendMessageInput) (message db.NewMessage, err error) {
	if message.ID, err = chosenID("id", input.ID); err != nil {
		return message, err
	}
	if message.ChatID, err = db.ParseID("chatId", input.ChatID); err != nil {
		return message, err
	}
	message.Role = db.RoleUser
	if input.Role != nil {
		message.Role = *input.Role
	}
	message.Content, err = db.CleanContent("content", input.Content)
	return message, err
}

func (r mutationResolver) EditMessage(ctx context.Context, input model.EditMessageInput) (*model.EditMessagePayload, error) {
	user, id, err := viewerAnd(ctx, "id", input.ID)
	if err != nil {
		return nil, err
	}
	content, err := db.CleanContent("content", input.Content)
	if err != nil {
		return nil, err
	}
	event, err := r.Repo.EditMessage(ctx, user, id, content)
	if err != nil {
		return nil, err
	}
	return &model.EditMessagePayload{Message: event.Message}, nil
}

func (r mutationResolver) DeleteMessage(ctx context.Context, input model.DeleteMessageInput) (*model.DeleteMessagePayload, error) {
	user, id, err := viewerAnd(ctx, "id", input.ID)
	if err != nil {
		return nil, err
	}
	event, err := r.Repo.DeleteMessage(ctx, user, id)
	if err != nil {
		return nil, err
	}
	return &model.DeleteMessagePayload{Message: event.Message}, nil
}
