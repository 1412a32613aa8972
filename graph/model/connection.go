package model

import "studychat/db"

// ChatConnection is a page of chats. It knows its list, for totalCount.
type ChatConnection struct {
	Edges       []*ChatEdge
	Nodes       []*Chat
	PageInfo    *PageInfo
	EventCursor string

	Module *string // the list is that of a module's chats; nil: of all
}

// ChatEdge is a chat in a page. The cursor is the same in every list that the chat is in.
type ChatEdge struct {
	Cursor string
	Node   *Chat
}

// NewChatEdge is the chat in a list.
func NewChatEdge(chat *Chat) *ChatEdge {
	return &ChatEdge{Cursor: db.ChatKey(chat.Chat).ChatCursor(), Node: chat}
}

// NewMessageEdge is the message in the list of its chat's messages.
func NewMessageEdge(message *db.Message) *MessageEdge {
	return &MessageEdge{Cursor: db.MessageKey(message).MessageCursor(), Node: message}
}

// NewModuleEdge is the module in the list of modules.
func NewModuleEdge(module *db.Module) *ModuleEdge {
	return &ModuleEdge{Cursor: db.ModuleKey(module).ModuleCursor(), Node: module}
}

// NewPageInfo describes the page with these edges.
func NewPageInfo[Edge any](edges []Edge, cursor func(Edge) string, hasPrev, hasNext bool) *PageInfo {
	info := &PageInfo{HasNextPage: hasNext, HasPreviousPage: hasPrev}
	if n := len(edges); n > 0 {
		info.StartCursor, info.EndCursor = new(cursor(edges[0])), new(cursor(edges[n-1]))
	}
	return info
}
