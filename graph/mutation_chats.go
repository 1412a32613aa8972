package graph

import (
	"context"

	"studychat/db"
	"studychat/graph/model"
)

func (r mutationResolver) CreateChat(ctx context.Context, input model.CreateChatInput) (*model.CreateChatPayload, error) {
	user, err := viewer(ctx)
	if err != nil {
		return nil, err
	}
	chat, err := newChat(input)
	if err != nil {
		return nil, err
	}
	if _, err := r.Repo.CreateChat(ctx, user, chat); err != nil {
		return nil, err
	}
	answer, err := r.chat(ctx, user, chat.ID)
	if err != nil {
		return nil, err
	}
	return &model.CreateChatPayload{Chat: answer, ChatEdge: model.NewChatEdge(answer)}, nil
}

func newChat(input model.CreateChatInput) (chat db.NewChat, err error) {
	if chat.ID, err = chosenID("id", input.ID); err != nil {
		return chat, err
	}
	if chat.Title, err = db.CleanTitle("title", input.Title); err != nil {
		return chat, err
	}
	if input.ModuleID != nil {
		var module string
		module, err = db.ParseModuleID("moduleId", *input.ModuleID)
		chat.ModuleID = &module
	}
	return chat, err
}

// chosenID is the id that the client chose, or a new one.
func chosenID(field string, id *string) (string, error) {
	if id == nil {
		return db.NewID(), nil
	}
	return db.ParseID(field, *id)
}

func (r mutationResolver) RenameChat(ctx context.Context, input model.RenameChatInput) (*model.RenameChatPayload, error) {
	user, id, err := viewerAnd(ctx, "chatId", input.ChatID)
	if err != nil {
		return nil, err
	}
	title, err := db.CleanTitle("title", input.Title)
	if err != nil {
		return nil, err
	}
	if _, err := r.Repo.RenameChat(ctx, user, id, title); err != nil {
		return nil, err
	}
	chat, err := r.chat(ctx, user, id)
	return &model.RenameChatPayload{Chat: chat}, err
}

func (r mutationResolver) DeleteChat(ctx context.Context, input model.DeleteChatInput) (*model.DeleteChatPayload, error) {
	user, id, err := viewerAnd(ctx, "chatId", input.ChatID)
	if err != nil {
		return nil, err
	}
	_, err = r.Repo.DeleteChat(ctx, user, id)
	return &model.DeleteChatPayload{DeletedChatID: id}, err
}

func (r mutationResolver) TransferChat(ctx context.Context, input model.TransferChatInput) (*model.TransferChatPayload, error) {
	chat, _, err := r.changeMember(ctx, input.ChatID, input.UserID, r.Repo.TransferChat)
	return &model.TransferChatPayload{Chat: chat}, err
}

// clearStep is how many chats are looked up at a time.
const clearStep = 100

// ClearChats deletes chat by chat, each in a transaction of its own, so that it never holds the locks of many chats.
// When it fails half-way, the chats deleted so far stay deleted, and a repetition continues.
func (r mutationResolver) ClearChats(ctx context.Context) (*model.ClearChatsPayload, error) {
	user, err := viewer(ctx)
	if err != nil {
		return nil, err
	}
	deleted, after := []string{}, ""
	for {
		owned, err := r.Repo.OwnedChats(ctx, user, after, clearStep)
		if err != nil {
			return nil, err
		}
		for _, id := range owned {
			if _, err := r.Repo.DeleteChat(ctx, user, id); err != nil {
				return nil, err
			}
			deleted = append(deleted, id)
			after = id
		}
		if len(owned) < clearStep {
			return &model.ClearChatsPayload{DeletedChatIds: deleted}, nil
		}
	}
}
