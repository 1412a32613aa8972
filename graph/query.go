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
	var list *db.ChatList
	err = answerFrom(ctx).reads(ctx, page.Limit, func() (bytes int, err error) {
		if list, err = r.Repo.Chats(ctx, user, moduleID, page); err != nil {
			return 0, err
		}
		for _, chat := range list.Chats {
			bytes += contentBytes(chat.LastMessage)
		}
		return bytes, nil
	})
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
	message, err := r.message(ctx, user, id)
	if err == nil {
		return message, nil
	}
	if db.CodeOf(err) == db.CodeNotFound {
		return nil, db.NotFound("object")
	}
	return nil, err
}

// chat reads a chat that stands alone in the answer. Of messages it brings the last one and db.NewestBytes: two of the
// largest.
func (r *Resolver) chat(ctx context.Context, user, id string) (*model.Chat, error) {
	var chat *db.Chat
	err := answerFrom(ctx).reads(ctx, 2, func() (bytes int, err error) {
		if chat, err = r.Repo.Chat(ctx, user, id); err != nil {
			return 0, err
		}
		bytes = contentBytes(chat.LastMessage)
		if chat.Newest != nil {
			bytes += contentBytes(chat.Newest.Messages...)
		}
		return bytes, nil
	})
	if err != nil {
		return nil, err
	}
	return model.NewChat(chat), nil
}

func (r *Resolver) message(ctx context.Context, user, id string) (message *db.Message, err error) {
	err = answerFrom(ctx).reads(ctx, 1, func() (bytes int, err error) {
		message, err = r.Repo.Message(ctx, user, id)
		return contentBytes(message), err
	})
	return message, err
}

func cleanOptional(field string, name *string) (*string, error) {
	if name == nil {
		return nil, nil
	}
	clean, err := db.CleanName(field, *name)
	return &clean, err
}
