package db

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

// Page asks for a part of an ordered list, by keyset: no page costs more than another. Its zero value means nothing:
// use NewPage.
type Page struct {
	Limit    int  // 0 to MaxPage
	Backward bool // the Limit rows before the end of the window, rather than after its start
	After    *Key // the window starts after this row
	Before   *Key // the window ends before this row
}

// Key is the place of a row in its list: a chat's is (LastAt, ID), a message's is Seq in the chat ChatID.
type Key struct {
	At     time.Time
	ID     string
	ChatID string
	Seq    int64
}

// ChatKey is the place of a chat in the viewer's list.
func ChatKey(c *Chat) Key { return Key{At: c.LastAt, ID: c.ID} }

// MessageKey is the place of a message in its chat.
func MessageKey(m *Message) Key { return Key{ChatID: m.ChatID, Seq: m.Seq} }

// ChatCursor is the key as clients see it, for the list of chats. Opaque to them. It does not say whose list it is for,
// unlike the other cursors: a time and an id are the same place in every list of chats, and an event that carries a chat's
// edge has to read the same for all who get it.
func (k Key) ChatCursor() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "c1:%d:%s", k.At.UnixMicro(), k.ID))
}

// MessageCursor is the key as clients see it, for the messages of a chat. Opaque to them. It carries the chat's tag: numbers
// mean nothing in another chat.
func (k Key) MessageCursor() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "m2:%d:%s", k.Seq, tagOf(k.ChatID)))
}

// ParseChatKey reads what ChatCursor wrote. Errors: BAD_USER_INPUT naming field.
func ParseChatKey(field, cursor string) (Key, error) {
	rest, ok := decodeKey("c1:", cursor)
	micros, id, cut := strings.Cut(rest, ":")
	at, err := parseCount(micros)
	if !ok || !cut || err != nil {
		return Key{}, BadInput(field, "is not a cursor of a list of chats.")
	}
	id, err = ParseID(field, id)
	if err != nil {
		return Key{}, BadInput(field, "is not a cursor of a list of chats.")
	}
	return Key{At: time.UnixMicro(at).UTC(), ID: id}, nil
}

// ParseMessageKey returns what reads the cursors that MessageCursor wrote for the chat's messages. Errors: BAD_USER_INPUT
// naming field.
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

func decodeKey(prefix, cursor string) (rest string, ok bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || strings.ContainsAny(cursor, "\r\n") { // which the decoder skips
		return "", false
	}
	return strings.CutPrefix(string(raw), prefix)
}

// NewPage checks the four paging arguments of a Relay connection. parse reads the list's cursors; without first and
// last the page is fallback. An empty cursor counts as none: clients send what an empty page gave them. Errors: BAD_USER_INPUT naming the argument.
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

	// Cursor is the place in the viewer's feed from which it tells everything that this page does not show, on every page
	// and whatever the page was narrowed to.
	Cursor FeedCursor `json:"cursor"`
}

// EventCursor is Cursor as clients see it.
func (l *ChatList) EventCursor() string { return l.Cursor.String() }

// MessageList is a page of a chat's messages, oldest first, read in one snapshot with Cursor.
type MessageList struct {
	Messages []*Message
	HasNext  bool
	HasPrev  bool
	Cursor   Cursor // the chat's log at the moment of the read
}
