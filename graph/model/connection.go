package model

import "studychat/db"

// An edge is the object itself, seen as an element of a list. So a page costs no memory for edges, and none for cursors that no
// client selects.
type (
	// ChatEdge is a chat in a page. The cursor is the same in every list that the chat is in.
	ChatEdge Chat
	// MessageEdge is a message in a page of its chat's messages.
	MessageEdge db.Message
	// ModuleEdge is a module in a page.
	ModuleEdge db.Module
)

// NewChatEdge is the chat in a list.
func NewChatEdge(chat *Chat) *ChatEdge { return (*ChatEdge)(chat) }

// NewMessageEdge is the message in the list of its chat's messages.
func NewMessageEdge(message *db.Message) *MessageEdge { return (*MessageEdge)(message) }

// NewModuleEdge is the module in the list of modules.
func NewModuleEdge(module *db.Module) *ModuleEdge { return (*ModuleEdge)(module) }

// Node is the chat.
func (e *ChatEdge) Node() *Chat { return (*Chat)(e) }

// Cursor is the chat's place in the list.
func (e *ChatEdge) Cursor() string { return db.ChatKey(e.Chat).ChatCursor() }

// Node is the message.
func (e *MessageEdge) Node() *db.Message { return (*db.Message)(e) }

// Cursor is the message's place in its chat.
func (e *MessageEdge) Cursor() string { return db.MessageKey(e.Node()).MessageCursor() }

// Node is the module.
func (e *ModuleEdge) Node() *db.Module { return (*db.Module)(e) }

// Cursor is the module's place in the list.
func (e *ModuleEdge) Cursor() string { return db.ModuleKey(e.Node()).ModuleCursor() }

// ChatConnection is a page of chats. It knows its list, for totalCount.
type ChatConnection struct {
	Nodes  []*Chat
	List   *db.ChatList
	Module *string // the list is that of a module's chats; nil: of all
}

// Rendered is what was rendered of the list; nil when nothing is to be kept.
func (c *ChatConnection) Rendered() *db.Rendered { return c.List.Rendered() }

// Edges are the chats as edges.
func (c *ChatConnection) Edges() []*ChatEdge { return edges(c.Nodes, NewChatEdge) }

// EventCursor is where to follow all chats from.
func (c *ChatConnection) EventCursor() string { return c.List.EventCursor() }

// PageInfo says where the page is in the list.
func (c *ChatConnection) PageInfo() *PageInfo {
	return pageInfo(c.Nodes, NewChatEdge, c.List.HasPrev, c.List.HasNext)
}

// MessageConnection is a page of a chat's messages.
type MessageConnection struct{ *db.MessageList }

// Nodes are the messages.
func (c *MessageConnection) Nodes() []*db.Message { return c.Messages }

// Edges are the messages as edges.
func (c *MessageConnection) Edges() []*MessageEdge { return edges(c.Messages, NewMessageEdge) }

// EventCursor is where to follow the chat from.
func (c *MessageConnection) EventCursor() string { return c.Cursor.String() }

// PageInfo says where the page is in the list.
func (c *MessageConnection) PageInfo() *PageInfo {
	return pageInfo(c.Messages, NewMessageEdge, c.HasPrev, c.HasNext)
}

// ModuleConnection is a page of modules.
type ModuleConnection struct{ *db.ModuleList }

// Nodes are the modules.
func (c *ModuleConnection) Nodes() []*db.Module { return c.Modules }

// Edges are the modules as edges.
func (c *ModuleConnection) Edges() []*ModuleEdge { return edges(c.Modules, NewModuleEdge) }

// PageInfo says where the page is in the list.
func (c *ModuleConnection) PageInfo() *PageInfo {
	return pageInfo(c.Modules, NewModuleEdge, c.HasPrev, c.HasNext)
}

// PageInfo says where a page is in its list.
type PageInfo struct {
	HasNextPage, HasPreviousPage bool

	first, last edge // nil on an empty page
}

type edge interface{ Cursor() string }

// StartCursor is the cursor of the first edge.
func (p *PageInfo) StartCursor() *string { return cursorOf(p.first) }

// EndCursor is the cursor of the last edge.
func (p *PageInfo) EndCursor() *string { return cursorOf(p.last) }

func cursorOf(e edge) *string {
	if e == nil {
		return nil
	}
	return new(e.Cursor())
}

func edges[Node, Edge any](nodes []Node, edge func(Node) Edge) []Edge {
	out := make([]Edge, len(nodes))
	for i, node := range nodes {
		out[i] = edge(node)
	}
	return out
}

func pageInfo[Node any, Edge edge](nodes []Node, edge func(Node) Edge, hasPrev, hasNext bool) *PageInfo {
	info := &PageInfo{HasNextPage: hasNext, HasPreviousPage: hasPrev}
	if n := len(nodes); n > 0 {
		info.first, info.last = edge(nodes[0]), edge(nodes[n-1])
	}
	return info
}
