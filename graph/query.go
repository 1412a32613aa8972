package graph

import (
	"context"

	"studychat/db"
	"studychat/graph/model"
)

func (r queryResolver) Chats(ctx context.Context, first *int, after *string, last *int, before *string, moduleID *string) (*model.ChatConnection, error) {
	user, err := viewer(ctx)
	if err != nil {
		return nil, err
	}
	page, err := db.NewPage(first, after, last, before, db.ParseChatKey, db.Page{Limit: db.ChatPage})
	if err != nil {
		return nil, err
	}
	if moduleID, err = cleanOptional("moduleId", moduleID); err != nil {
		return nil, err
	}
	list, err := r.Repo.Chats(ctx, user, moduleID, page)
	if err != nil {
		return nil, err
	}
	return chatConnection(list), nil
}

func (r queryResolver) Chat(ctx context.Context, id string) (*model.Chat, error) {
	user, id, err := viewerAnd(ctx, "id", id)
	if err != nil {
		return nil, err
	}
	return r.chat(ctx, user, id)
}

// Node does not know what an id stands for, since all ids are plain UUIDs: it looks for a chat, then for a message.
func (r queryResolver) Node(ctx context.Context, id string) (model.Node, error) {
	user, id, err := viewerAnd(ctx, "id", id)
	if err != nil {
		return nil, err
	}
	chat, err := r.chat(ctx, user, id)
	if err == nil {
		return chat, nil
	}
	if db.CodeOf(err) != db.CodeNotFound {
		return nil, err
	}
	message, err := r.Repo.Message(ctx, user, id)
	if err == nil {
		return message, nil
	}
	if db.CodeOf(err) == db.CodeNotFound {
		return nil, db.NotFound("object")
	}
	return nil, err
}

// chat reads a chat that stands alone in the answer.
func (r *Resolver) chat(ctx context.Context, user, id string) (*model.Chat, error) {
	chat, err := r.Repo.Chat(ctx, user, id)
	if err != nil {
		return nil, err
	}
	return model.NewChat(chat), nil
}

func cleanOptional(field string, name *string) (*string, error) {
	if name == nil {
		return nil, nil
	}
	clean, err := db.CleanName(field, *name)
	return &clean, err
}
