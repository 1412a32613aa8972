package db

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Page asks for a part of an ordered list, by keyset: all pages cost the same. Make it with NewPage.
type Page struct {
	Limit    int  // 0 to MaxPage
	Backward bool // the Limit rows before the end of the window, rather than after its start
	After    *Key // the window starts after this row
	Before   *Key // the window ends before this row
}

// Key is the place of a row in its list: a chat's is (LastMessageAt, ID), a message's is Seq in the
// chat ChatID, a module's is (Title, ID).
type Key struct {
	At     time.Time
	ID     string
	ChatID string
	Seq    int64
	Title  string
}

// Place is a place in a chat: the number of a message, or where one would be, or the id of a message.
type Place struct {
	Seq       int64
	MessageID string // canonical; "" when Seq counts
}

// ParsePlace reads a message's cursor or id. Errors: BAD_USER_INPUT naming field.
func ParsePlace(field, text, chatID string) (Place, error) {
	if id, err := ParseID(field, text); err == nil {
		return Place{MessageID: id}, nil
	}
	key, err := ParseMessageKey(chatID)(field, text)
	return Place{Seq: key.Seq}, err
}

// ChatKey is the place of a chat in the viewer's list.
func ChatKey(c *Chat) Key { return Key{At: c.LastMessageAt, ID: c.ID} }

// ModuleKey is the place of a module in the list of modules.
func ModuleKey(m *Module) Key { return Key{Title: m.Title, ID: m.ID} }

// MessageKey is the place of a message in its chat.
func MessageKey(m *Message) Key { return Key{ChatID: m.ChatID, Seq: m.Seq} }

// ChatCursor is the key in the opaque form for clients, for the list of chats. Unlike other cursors it does not name its owner: a time and
// an id are the same place in every list of chats, and an event with a chat's edge is the same for all its readers.
func (k Key) ChatCursor() string {
	var room [cursorRoom]byte
	b := strconv.AppendInt(append(room[:0], "c1:"...), k.At.UnixMicro(), 10)
	return encodeKey(append(append(b, ':'), k.ID...))
}

// MessageCursor is the key in the opaque form for clients, for the messages of a chat. It has the chat's tag, because numbers mean
// nothing in another chat.
func (k Key) MessageCursor() string {
	var room [cursorRoom]byte
	b := strconv.AppendInt(append(room[:0], "m2:"...), k.Seq, 10)
	return encodeKey(appendTag(append(b, ':'), k.ChatID))
}

// ModuleCursor is the key in the opaque form for clients, for the list of modules.
func (k Key) ModuleCursor() string {
	return base64.RawURLEncoding.EncodeToString([]byte("o1:" + k.ID + ":" + k.Title))
}

// ParseModuleKey reads what ModuleCursor wrote. Errors: BAD_USER_INPUT naming field.
func ParseModuleKey(field, cursor string) (Key, error) {
	rest, ok := decodeKey("o1:", cursor)
	id, title, cut := strings.Cut(rest, ":")
	if !ok || !cut || !utf8.ValidString(rest) || strings.Contains(rest, "\x00") || len(rest) > 4*(MaxName+MaxTitle)+1 {
		return Key{}, BadInput(field, "is not a cursor of a list of modules.")
	}
	return Key{ID: id, Title: title}, nil
}

// ParseChatKey reads what ChatCursor wrote. Errors: BAD_USER_INPUT naming field.
func ParseChatKey(field, cursor string) (Key, error) {
	rest, ok := decodeKey("c1:", cursor)
	micros, id, cut := strings.Cut(rest, ":")
	at, badTime := parseCount(micros)
	id, badID := ParseID(field, id)
	if !ok || !cut || badTime != nil || badID != nil {
		return Key{}, BadInput(field, "is not a cursor of a list of chats.")
	}
	return Key{At: time.UnixMicro(at).UTC(), ID: id}, nil
}

// ParseMessageKey returns a parser for what MessageCursor wrote for the chat's messages. Errors: BAD_USER_INPUT naming field.
func ParseMessageKey(chatID string) func(field, cursor string) (Key, error) {
	return func(field, cursor string) (Key, error) {
		rest, ok := decodeKey("m2:", cursor)
		number, tag, cut := strings.Cut(rest, ":")
		seq, err := parseCount(number)
		if !ok || !cut || err != nil || tag != tagOf(chatID) {
			return Key{}, BadInput(field, "is not a cursor of this chat's messages.")
		}
		return Key{ChatID: chatID, Seq: seq}, nil
	}
}

// encodeKey makes the opaque form. A page has a cursor for each element: by appending, one costs a single allocation.
func encodeKey(raw []byte) string {
	var room [2 * cursorRoom]byte
	return string(base64.RawURLEncoding.AppendEncode(room[:0], raw))
}

func decodeKey(prefix, cursor string) (rest string, ok bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || strings.ContainsAny(cursor, "\r\n") { // the decoder would skip these
		return "", false
	}
	return strings.CutPrefix(string(raw), prefix)
}

// NewPage checks the four paging arguments of a Relay connection. parse reads the list's cursors; without first and
// last the page is fallback. An empty cursor counts as absent: clients send back what an empty page gave them. Errors: BAD_USER_INPUT naming the argument.
func NewPage(first *int, after *string, last *int, before *string, parse func(field, cursor string) (Key, error), fallback Page) (Page, error) {
	page := fallback
	switch {
	case first != nil && last != nil:
		return Page{}, BadInput("last", "cannot be combined with first.")
	case first != nil:
		page.Limit, page.Backward = *first, false
	case last != nil:
		page.Limit, page.Backward = *last, true
	}
	if page.Limit < 0 || page.Limit > MaxPage {
		field := "first"
		if page.Backward {
			field = "last"
		}
		return Page{}, BadInput(field, "must be 0 to %d, not %d.", MaxPage, page.Limit)
	}
	var err error
	if page.After, err = parseKey("after", after, parse); err != nil {
		return Page{}, err
	}
	page.Before, err = parseKey("before", before, parse)
	return page, err
}

func parseKey(field string, cursor *string, parse func(field, cursor string) (Key, error)) (*Key, error) {
	if cursor == nil || *cursor == "" {
		return nil, nil
	}
	key, err := parse(field, *cursor)
	if err != nil {
		return nil, err
	}
	return &key, nil
}

// ChatList is a page of a viewer's chats, latest activity first.
type ChatList struct {
	Chats   []*Chat `json:"chats"`
	HasNext bool    `json:"hasNext"`
	HasPrev bool    `json:"hasPrev"`

	// Cursor is a place in the viewer's feed: events after it tell everything that this page does not show. That holds for every page
	// and every filter.
	Cursor FeedCursor `json:"cursor"`

	rendered *Rendered
}

// KeepRendered lets what is rendered from the list be kept with it. From now on the list and its chats must not change. grow is as for
// Rendered.
func (l *ChatList) KeepRendered(grow func(bytes int) bool) { l.rendered = newRendered(l, grow) }

// Rendered is what was rendered from the list; nil when nothing is to be kept.
func (l *ChatList) Rendered() *Rendered {
	if l.rendered == nil || l.rendered.of != any(l) {
		return nil
	}
	return l.rendered
}

// EventCursor is Cursor in the form for clients.
func (l *ChatList) EventCursor() string { return l.Cursor.String() }

// MessageList is a page of a chat's messages, oldest first, read in one snapshot with Cursor.
type MessageList struct {
	Messages []*Message
	HasNext  bool
	HasPrev  bool
	Cursor   Cursor // the chat's log at the moment of the read
}
