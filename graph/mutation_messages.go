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
	r.expectMessages(ctx, event.Message)
	return &model.SendMessagePayload{Message: event.Message, MessageEdge: model.NewMessageEdge(event.Message)}, nil
}

// ChatEdge is null when the chat was deleted meanwhile; the message was sent all the same.
func (r sendMessagePayloadResolver) ChatEdge(ctx context.Context, sent *model.SendMessagePayload) (*model.ChatEdge, error) {
	chat, ok, err := r.chatOf(ctx, sent.Message.ChatID)
	if !ok {
		return nil, err
	}
	return model.NewChatEdge(chat), nil
}

func newMessage(input model.SendMessageInput) (message db.NewMessage, err error) {
	if message.ID, err = chosenID("id", input.ID); err != nil {
		return message, err
	}
	if message.ChatID, err = db.ParseID("chatId", input.ChatID); err != nil {
		return message, err
	}
	if message.Role, err = cleanRole(input.Role); err != nil {
		return message, err
	}
	if input.ReplyToID != nil {
		var first string
		if first, err = db.ParseID("replyToId", *input.ReplyToID); err != nil {
			return message, err
		}
		message.ReplyTo = &first
	}
	message.Content, err = db.CleanContent("content", input.Content)
	return message, err
}

// cleanRole is needed: in variables, gqlparser accepts an enum value in any letter case, which gqlgen turns into the zero
// value.
func cleanRole(role *db.MessageRole) (db.MessageRole, error) {
	if role == nil {
		return db.RoleUser, nil
	}
	switch *role {
	case db.RoleUser, db.RoleAssistant, db.RoleSystem:
		return *role, nil
	}
	return "", db.BadInput("role", "must be USER, ASSISTANT or SYSTEM.")
}

func (r mutationResolver) EditMessage(ctx context.Context, input model.EditMessageInput) (*model.EditMessagePayload, error) {
	user, id, err := viewerAnd(ctx, "messageId", input.MessageID)
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
	user, id, err := viewerAnd(ctx, "messageId", input.MessageID)
	if err != nil {
		return nil, err
	}
	event, err := r.Repo.DeleteMessage(ctx, user, id)
	if err != nil {
		return nil, err
	}
	return &model.DeleteMessagePayload{Message: event.Message}, nil
}
