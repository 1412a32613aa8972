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
	return &model.ChatConnection{Nodes: r.expectChats(ctx, list.Chats), List: list, Module: module}
}

func (r *Resolver) messageConnection(ctx context.Context, list *db.MessageList) *model.MessageConnection {
	r.expectMessages(ctx, list.Messages...)
	return &model.MessageConnection{MessageList: list}
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
	a := answerFrom(ctx).batches
	a.expectLater(func() {
		a.forChats(ctx, chats)
		a.forMessages(ctx, mapped(chats, func(chat *db.Chat) *db.Message { return chat.LastMessage })...)
	})
	return model.NewChats(chats)
}

// expectMessages does the same for messages; nil ones are skipped.
func (r *Resolver) expectMessages(ctx context.Context, messages ...*db.Message) {
	a := answerFrom(ctx).batches
	a.expectLater(func() { a.forMessages(ctx, messages...) })
}

func (b *batches) forChats(ctx context.Context, chats []*db.Chat) {
	names := selects(ctx, "name", "avatarUrl")
	members := names && selects(ctx, "members", "online") // up to 500 of each chat
	modules, marks := selects(ctx, "module"), selects(ctx, "readSeq")
	for _, chat := range chats {
		if names {
			b.users.expect(chat.CreatedBy)
		}
		if members {
			for _, member := range chat.Members {
				b.users.expect(member.UserID)
			}
		}
		if modules && chat.ModuleID != nil {
			b.modules.expect(*chat.ModuleID)
		}
		if marks {
			b.readMarks.expect(chat.ID)
		}
	}
}

func (b *batches) forMessages(ctx context.Context, messages ...*db.Message) {
	names, replies, chats := selects(ctx, "name", "avatarUrl"), selects(ctx, "replyTo"), selects(ctx, "chat", "chatEdge")
	for _, message := range messages {
		if message == nil {
			continue
		}
		if names {
			b.users.expect(message.Author)
		}
		if replies && message.ReplyTo != nil {
			b.replies.expect(*message.ReplyTo)
		}
		if chats {
			b.chats.expect(message.ChatID)
		}
	}
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
