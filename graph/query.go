package graph

import (
	"context"

	"studychat/auth"
	"studychat/db"
	"studychat/graph/limits"
	"studychat/graph/model"
)

func (r queryResolver) Viewer(ctx context.Context) (*db.User, error) {
	who, err := auth.FromContext(ctx)
	return &db.User{ID: who.ID}, err
}

func (r queryResolver) Chats(ctx context.Context, first *int, after *string, last *int, before *string, moduleID *string) (*model.ChatConnection, error) {
	user, err := viewer(ctx)
	if err != nil {
		return nil, err
	}
	if moduleID != nil {
		module, err := db.ParseModuleID("moduleId", *moduleID)
		if err != nil {
			return nil, err
		}
		moduleID = &module
	}
	return r.chatPage(ctx, user, moduleID, first, after, last, before)
}

// chatPage reads a page of the viewer's chats, all of them or those of a module.
func (r *Resolver) chatPage(ctx context.Context, user string, module *string, first *int, after *string, last *int, before *string) (*model.ChatConnection, error) {
	page, err := db.NewPage(first, after, last, before, db.ParseChatKey, db.Page{Limit: db.ChatPage})
	if err != nil {
		return nil, err
	}
	var list *db.ChatList
	err = answerFrom(ctx).budget.Read(ctx, page.Limit, func() (bytes int, err error) {
		if list, err = r.Repo.Chats(ctx, user, module, page); err != nil {
			return 0, err
		}
		for _, chat := range list.Chats {
			bytes += limits.ContentBytes(chat.LastMessage)
		}
		return bytes, nil
	})
	if err != nil {
		return nil, err
	}
	return r.chatConnection(ctx, list, module), nil
}

func (r queryResolver) Chat(ctx context.Context, id string) (*model.Chat, error) {
	user, id, err := viewerAnd(ctx, "id", id)
	if err != nil {
		return nil, err
	}
	return r.chat(ctx, user, id)
}

func (r chatConnectionResolver) TotalCount(ctx context.Context, list *model.ChatConnection) (int, error) {
	user, err := viewer(ctx)
	if err != nil {
		return 0, err
	}
	return r.Repo.CountChats(ctx, user, list.Module)
}

// chat reads one chat. It brings the last message and at most db.NewestBytes of the newest ones: as much as two of the
// largest messages.
func (r *Resolver) chat(ctx context.Context, user, id string) (*model.Chat, error) {
	var chat *db.Chat
	err := answerFrom(ctx).budget.Read(ctx, 2, func() (bytes int, err error) {
		if chat, err = r.Repo.Chat(ctx, user, id); err != nil {
			return 0, err
		}
		bytes = limits.ContentBytes(chat.LastMessage)
		if chat.Newest != nil {
			bytes += limits.ContentBytes(chat.Newest.Messages...)
		}
		return bytes, nil
	})
	if err != nil {
		return nil, err
	}
	return r.expectChats(ctx, []*db.Chat{chat})[0], nil
}

// chats reads chats by their ids, for one list. A single chat is likely to be in the cache.
func (r *Resolver) chats(ctx context.Context, user string, ids []string) (map[string]*model.Chat, error) {
	found := make(map[string]*model.Chat, len(ids))
	if len(ids) == 1 {
		chat, err := r.chat(ctx, user, ids[0])
		if err == nil {
			found[ids[0]] = chat
		}
		if db.CodeOf(err) == db.CodeNotFound {
			err = nil
		}
		return found, err
	}
	var chats []*db.Chat
	err := answerFrom(ctx).budget.Read(ctx, len(ids), func() (bytes int, err error) {
		read, err := r.Repo.ChatsByID(ctx, user, ids)
		for _, chat := range read {
			chats = append(chats, chat)
			bytes += limits.ContentBytes(chat.LastMessage)
		}
		return bytes, err
	})
	if err != nil {
		return nil, err
	}
	for _, chat := range r.expectChats(ctx, chats) {
		found[chat.ID] = chat
	}
	return found, nil
}
