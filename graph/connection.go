package graph

import (
	"studychat/db"
	"studychat/graph/model"
)

func chatConnection(list *db.ChatList) *model.ChatConnection {
	edges := make([]*model.ChatEdge, len(list.Chats))
	for i, chat := range model.NewChats(list.Chats) {
		edges[i] = &model.ChatEdge{Cursor: db.ChatKey(chat.Chat).ChatCursor(), Node: chat}
	}
	info := &model.PageInfo{HasNextPage: list.HasNext, HasPreviousPage: list.HasPrev}
	if n := len(edges); n > 0 {
		info.StartCursor, info.EndCursor = &edges[0].Cursor, &edges[n-1].Cursor
	}
	return &model.ChatConnection{Edges: edges, PageInfo: info}
}

func messageConnection(list *db.MessageList) *model.MessageConnection {
	edges := make([]*model.MessageEdge, len(list.Messages))
	for i, message := range list.Messages {
		edges[i] = &model.MessageEdge{Cursor: db.MessageKey(message).MessageCursor(), Node: message}
	}
	info := &model.PageInfo{HasNextPage: list.HasNext, HasPreviousPage: list.HasPrev}
	if n := len(edges); n > 0 {
		info.StartCursor, info.EndCursor = &edges[0].Cursor, &edges[n-1].Cursor
	}
	return &model.MessageConnection{Edges: edges, PageInfo: info, EventCursor: list.Cursor.String()}
}
