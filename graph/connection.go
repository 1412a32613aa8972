package graph

import (
	"context"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"studychat/db"
	"studychat/graph/model"
)

func (r *Resolver) chatConnection(ctx context.Context, list *db.ChatList, module *string) *model.ChatConnection {
	chats := r.expectChats(ctx, list.Chats)
	edges := mapped(chats, model.NewChatEdge)
	return &model.ChatConnection{
		Edges: edges, Nodes: chats, EventCursor: list.EventCursor(), Module: module,
		PageInfo: model.NewPageInfo(edges, func(e *model.ChatEdge) string { return e.Cursor }, list.HasPrev, list.HasNext),
	}
}

func (r *Resolver) messageConnection(ctx context.Context, list *db.MessageList) *model.MessageConnection {
	r.expectMessages(ctx, list.Messages...)
	edges := mapped(list.Messages, model.NewMessageEdge)
	return &model.MessageConnection{
		Edges: edges, Nodes: list.Messages, EventCursor: list.Cursor.String(),
		PageInfo: model.NewPageInfo(edges, func(e *model.MessageEdge) string { return e.Cursor }, list.HasPrev, list.HasNext),
	}
}

func moduleConnection(list *db.ModuleList) *model.ModuleConnection {
	edges := mapped(list.Modules, model.NewModuleEdge)
	return &model.ModuleConnection{
		Edges: edges, Nodes: list.Modules,
		PageInfo: model.NewPageInfo(edges, func(e *model.ModuleEdge) string { return e.Cursor }, list.HasPrev, list.HasNext),
	}
}

// mapped are the results of a function for each element of a list.
func mapped[From, To any](list []From, to func(From) To) []To {
	out := make([]To, len(list))
	for i, element := range list {
		out[i] = to(element)
	}
	return out
}

// expectChats makes the chats of one list, and tells the batches which objects the rest of the answer may need for them.
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

// expectMessages does the same for messages; nil ones are skipped.
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

// selects says whether the document has a field of one of the names anywhere. If not, its data need not be read.
func selects(ctx context.Context, names ...string) bool {
	if p := answerFrom(ctx).plan; p != nil {
		return p.Selects(names...)
	}
	if !graphql.HasOperationContext(ctx) {
		return true
	}
	document := graphql.GetOperationContext(ctx).Doc
	for _, operation := range document.Operations {
		if selectsIn(operation.SelectionSet, names) {
			return true
		}
	}
	for _, fragment := range document.Fragments {
		if selectsIn(fragment.SelectionSet, names) {
			return true
		}
	}
	return false
}

// selectsIn searches a selection set without the fragments that it spreads, which are searched by themselves.
func selectsIn(set ast.SelectionSet, names []string) bool {
	return slices.ContainsFunc(set, func(selection ast.Selection) bool {
		switch s := selection.(type) {
		case *ast.Field:
			return slices.Contains(names, s.Name) || selectsIn(s.SelectionSet, names)
		case *ast.InlineFragment:
			return selectsIn(s.SelectionSet, names)
		}
		return false
	})
}
