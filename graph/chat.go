package graph

import (
	"context"
	"fmt"
	"slices"

	"studychat/db"
	"studychat/graph/limits"
	"studychat/graph/model"
)

// Messages serves the newest messages from those that were read with the chat, so that opening a chat is one read. Any other
// page, and the pages of a list of chats, are read for all chats of the list at once.
func (r chatResolver) Messages(ctx context.Context, chat *model.Chat, first *int, after *string, last *int, before, around *string) (*model.MessageConnection, error) {
	user, err := viewer(ctx)
	if err != nil {
		return nil, err
	}
	page, err := db.NewPage(first, after, last, before, db.ParseMessageKey(chat.ID), db.Page{Limit: db.MessagePage, Backward: true})
	if err != nil {
		return nil, err
	}
	if around != nil && *around != "" {
		if last != nil || page.After != nil || page.Before != nil {
			return nil, db.BadInput("around", "cannot be combined with after, before and last.")
		}
		return r.messagesAround(ctx, user, chat.ID, *around, page.Limit)
	}
	if list := newest(chat.Chat, page); list != nil {
		answerFrom(ctx).restsOn(nil) // but for the chat
		return r.messageConnection(ctx, list), nil
	}
	// A cursor belongs to one chat, so the key with a cursor is different for each chat, and its page is read alone.
	key := fmt.Sprintf("messages %d %t %s %s", page.Limit, page.Backward, keyText(page.After), keyText(page.Before))
	list, ok, err := model.Lookup(ctx, chat, key, func(ctx context.Context, chats []*db.Chat) (map[string]*db.MessageList, error) {
		return r.messagePages(ctx, user, ids(chats), page)
	})
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, db.NotFound("chat") // gone between the two reads
	}
	return r.messageConnection(ctx, list), nil
}

func (r chatResolver) messagesAround(ctx context.Context, user, chatID, around string, limit int) (*model.MessageConnection, error) {
	place, err := db.ParsePlace("around", around, chatID)
	if err != nil {
		return nil, err
	}
	var list *db.MessageList
	err = answerFrom(ctx).budget.Read(ctx, 2*limit, func() (bytes int, err error) {
		if list, err = r.Repo.MessagesAround(ctx, user, chatID, place, limit); err != nil {
			return 0, err
		}
		return limits.ContentBytes(list.Messages...), nil
	})
	if err != nil {
		return nil, err
	}
	return r.messageConnection(ctx, list), nil
}

// messagePages reads the pages of many chats, as many at once as limits.MaxReading allows: all pages of a list in one read
// could be 640 MB.
func (r chatResolver) messagePages(ctx context.Context, user string, chatIDs []string, page db.Page) (map[string]*db.MessageList, error) {
	lists := make(map[string]*db.MessageList, len(chatIDs))
	budget := answerFrom(ctx).budget
	for group := range slices.Chunk(chatIDs, limits.MaxReading/max(page.Limit, 1)) {
		err := budget.Read(ctx, len(group)*page.Limit, func() (bytes int, err error) {
			read, err := r.Repo.Messages(ctx, user, group, page)
			for id, list := range read {
				lists[id] = list
				bytes += limits.ContentBytes(list.Messages...)
			}
			return bytes, err
		})
		if err != nil {
			return nil, err
		}
	}
	return lists, nil
}

func keyText(k *db.Key) string {
	if k == nil {
		return "-"
	}
	return k.MessageCursor()
}

// newest takes the page from the messages that were read with the chat. It is nil when they do not cover the page.
func newest(chat *db.Chat, page db.Page) *db.MessageList {
	have := chat.Newest
	if have == nil || !page.Backward || page.After != nil || page.Before != nil {
		return nil
	}
	if page.Limit > len(have.Messages) && !have.Whole {
		return nil
	}
	skip := max(0, len(have.Messages)-page.Limit)
	return &db.MessageList{
		Messages: have.Messages[skip:],
		HasPrev:  skip > 0 || !have.Whole,
		Cursor:   chat.Cursor(),
	}
}

func (r chatResolver) Online(ctx context.Context, chat *model.Chat) ([]*db.User, error) {
	ids, _, err := model.Lookup(ctx, chat, "online", r.Live.Online)
	return usersWith(ids), err
}

// usersWith are users whose names are read only if the document selects them. They are members, so the batch expects them.
func usersWith(ids []string) []*db.User {
	return mapped(ids, func(id string) *db.User { return &db.User{ID: id} })
}

// Module is null for a module that was deleted.
func (r chatResolver) Module(ctx context.Context, chat *model.Chat) (*db.Module, error) {
	if chat.ModuleID == nil {
		return nil, nil
	}
	module, _, err := r.moduleOf(ctx, *chat.ModuleID)
	return module, err
}

func (r chatResolver) ViewerState(ctx context.Context, chat *model.Chat) (*db.ViewerState, error) {
	user, err := viewer(ctx)
	if err != nil {
		return nil, err
	}
	state, ok, err := model.Lookup(ctx, chat, "viewerState", func(ctx context.Context, chats []*db.Chat) (map[string]db.ViewerState, error) {
		return r.Repo.ViewerStates(ctx, user, ids(chats))
	})
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, db.NotFound("chat") // gone between the two reads
	}
	return &state, nil
}

func ids(chats []*db.Chat) []string {
	return mapped(chats, func(chat *db.Chat) string { return chat.ID })
}
