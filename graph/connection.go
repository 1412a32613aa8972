package graph

import (
	"context"

	"studychat/db"
	"studychat/graph/model"
)

func (r *Resolver) chatConnection(ctx context.Context, list *db.ChatList, module *string) *model.ChatConnection {
	chats := r.expectChats(ctx, list.Chats)
	edges, cursors := make([]*model.ChatEdge, len(chats)), make([]string, len(chats))
	for i, chat := range chats {
		edges[i] = model.NewChatEdge(chat)
		cursors[i] = edges[i].Cursor
	}
	return &model.ChatConnection{
		Edges: edges, Nodes: chats, EventCursor: list.EventCursor(), Module: module,
		PageInfo: model.NewPageInfo(cursors, list.HasPrev, list.HasNext),
	}
}

func (r *Resolver) messageConnection(ctx context.Context, list *db.MessageList) *model.MessageConnection {
	r.expectMessages(ctx, list.Messages...)
	edges, cursors := make([]*model.MessageEdge, len(list.Messages)), make([]string, len(list.Messages))
	for i, message := range list.Messages {
		edges[i] = model.NewMessageEdge(message)
		cursors[i] = edges[i].Cursor
	}
	return &model.MessageConnection{
		Edges: edges, Nodes: list.Messages, EventCursor: list.Cursor.String(),
		PageInfo: model.NewPageInfo(cursors, list.HasPrev, list.HasNext),
	}
}

func moduleConnection(list *db.ModuleList) *model.ModuleConnection {
	edges, cursors := make([]*model.ModuleEdge, len(list.Modules)), make([]string, len(list.Modules))
	for i, module := range list.Modules {
		edges[i] = model.NewModuleEdge(module)
		cursors[i] = edges[i].Cursor
	}
	return &model.ModuleConnection{
		Edges: edges, Nodes: list.Modules,
		PageInfo: model.NewPageInfo(cursors, list.HasPrev, list.HasNext),
	}
}

// expectChats makes the chats of one list, and notes what the rest of the answer may ask of them.
func (r *Resolver) expectChats(ctx context.Context, chats []*db.Chat) []*model.Chat {
	var users, modules, ids []string
	members := selects(ctx, "members", "online") // up to 500 of each chat
	for _, chat := range chats {
		ids = append(ids, chat.ID)
		users = append(users, chat.CreatedBy)
		for _, member := range chat.Members {
			if members {
				users = append(users, member.UserID)
			}
		}
		if chat.ModuleID != nil {
			modules = append(modules, *chat.ModuleID)
		}
		r.expectMessages(ctx, chat.LastMessage)
	}
	r.usersOf(ctx).expect(users...)
	r.modulesOf(ctx).expect(modules...)
	r.readMarksOf(ctx).expect(ids...)
	return model.NewChats(chats)
}

// expectMessages does so for messages; nil is none.
func (r *Resolver) expectMessages(ctx context.Context, messages ...*db.Message) {
	var authors, replies, chats []string
	for _, message := range messages {
		if message == nil {
			continue
		}
		authors, chats = append(authors, message.Author), append(chats, message.ChatID)
		if message.ReplyTo != nil {
			replies = append(replies, *message.ReplyTo)
		}
	}
	r.usersOf(ctx).expect(authors...)
	r.repliesOf(ctx).expect(replies...)
	r.chatsOf(ctx).expect(chats...)
}

// The look-ups of an answer.

func (r *Resolver) usersOf(ctx context.Context) *batch[*db.User] {
	return batchOf(ctx, "users", r.people.users)
}

func (r *Resolver) modulesOf(ctx context.Context) *batch[*db.Module] {
	return batchOf(ctx, "modules", r.Repo.ModulesByID)
}

func (r *Resolver) readMarksOf(ctx context.Context) *batch[map[string]int64] {
	return batchOf(ctx, "readMarks", forViewer(r.Repo.ReadMarks))
}

func (r *Resolver) repliesOf(ctx context.Context) *batch[*db.Message] {
	return batchOf(ctx, "replies", forViewer(r.messages))
}

func (r *Resolver) chatsOf(ctx context.Context) *batch[*model.Chat] {
	return batchOf(ctx, "chats", forViewer(r.chats))
}

// forViewer reads as the viewer of the answer.
func forViewer[T any](read func(ctx context.Context, viewer string, ids []string) (map[string]T, error)) func(context.Context, []string) (map[string]T, error) {
	return func(ctx context.Context, ids []string) (map[string]T, error) {
		user, err := viewer(ctx)
		if err != nil {
			return nil, err
		}
		return read(ctx, user, ids)
	}
}

// messages reads messages by their ids.
func (r *Resolver) messages(ctx context.Context, user string, ids []string) (found map[string]*db.Message, err error) {
	err = answerFrom(ctx).reads(ctx, len(ids), func() (bytes int, err error) {
		found, err = r.Repo.MessagesByID(ctx, user, ids)
		for _, message := range found {
			r.expectMessages(ctx, message)
			bytes += contentBytes(message)
		}
		return bytes, err
	})
	return found, err
}
