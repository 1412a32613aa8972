package model

import (
	"context"
	"time"

	"studychat/db"
	"studychat/events"
)

// ChatEvent is any event of the subscription.
type ChatEvent interface{ IsChatEvent() }

// DurableChatEvent is an event that took a number of its chat.
type DurableChatEvent interface {
	ChatEvent
	IsDurableChatEvent()
}

// Source is where events read what they only point to. All of it is as it is now, and the same for everybody who may see the
// chat, except Unread.
type Source interface {
	// EventChat returns the chat as it is now, or nil when the viewer may not see it any more.
	EventChat(ctx context.Context, chatID string) (*Chat, error)
	// EventOnline returns the members who follow the chat now.
	EventOnline(ctx context.Context, chatID string) ([]*db.User, error)
	// EventReadMarks returns how far the members have read.
	EventReadMarks(ctx context.Context, chatID string) ([]*ReadMark, error)
	// EventUnread returns the viewer's unread count if the viewer is user, else nil.
	EventUnread(ctx context.Context, chatID, user string) (*int, error)
}

// Stamp is what every event carries.
type Stamp struct {
	Cursor string
	At     time.Time

	source Source
}

// IsChatEvent marks every event.
func (Stamp) IsChatEvent() {}

// About is what every event about a chat carries.
type About struct {
	Stamp
	ChatID string
}

// Chat is the chat as it is now.
func (a About) Chat(ctx context.Context) (*Chat, error) { return a.source.EventChat(ctx, a.ChatID) }

// ChatEdge is the chat in a list of chats. (Only some events have it in the schema.)
func (a About) ChatEdge(ctx context.Context) (*ChatEdge, error) {
	chat, err := a.Chat(ctx)
	if chat == nil {
		return nil, err
	}
	return NewChatEdge(chat), nil
}

// Durable is what every durable event carries.
type Durable struct {
	About
	EventID string
	Seq     int64
	Actor   *db.User
}

// IsDurableChatEvent marks every durable event.
func (Durable) IsDurableChatEvent() {}

// The events as the schema has them; it describes each.
type (
	StreamStarted struct {
		Stamp
		Resumed bool

		chatID string // "" for the feed of all chats
	}
	ChatCreated struct{ Durable }
	ChatRenamed struct {
		Durable
		Title string
	}
	ChatDeleted     struct{ Durable }
	ChatTransferred struct {
		Durable
		Owner *db.Member
	}
	MessageSent struct {
		Durable
		Message *db.Message
	}
	MessageEdited struct {
		Durable
		Message *db.Message
	}
	MessageDeleted struct {
		Durable
		Message *db.Message
	}
	MemberAdded struct {
		Durable
		Member *db.Member
	}
	MemberRemoved struct {
		Durable
		User *db.User
	}
	MessagesRead struct {
		About
		User    *db.User
		ReadSeq int64
	}
	TypingChanged struct {
		About
		User   *db.User
		Typing bool
	}
	PresenceChanged struct {
		About
		User     *db.User
		IsOnline bool
	}
	StreamReset struct {
		Stamp
		ResetChatID *string
		Reason      events.ResetReason
	}
)

// Online is who follows the chat at the beginning of its stream.
func (s StreamStarted) Online(ctx context.Context) ([]*db.User, error) {
	if s.chatID == "" {
		return []*db.User{}, nil
	}
	return s.source.EventOnline(ctx, s.chatID)
}

// ReadMarks is how far the members have read at the beginning of the stream.
func (s StreamStarted) ReadMarks(ctx context.Context) ([]*ReadMark, error) {
	if s.chatID == "" {
		return []*ReadMark{}, nil
	}
	return s.source.EventReadMarks(ctx, s.chatID)
}

// MessageEdge is the message in the list of its chat's messages.
func (m MessageSent) MessageEdge() *MessageEdge { return NewMessageEdge(m.Message) }

// UnreadCount is the viewer's, if it is the viewer who read.
func (m MessagesRead) UnreadCount(ctx context.Context) (*int, error) {
	return m.source.EventUnread(ctx, m.ChatID, m.User.ID)
}

// NewChatEvent is the one place where an item of a stream becomes an event of the schema. It returns nil for a kind that this
// version does not know (an event of a newer instance): the caller skips it.
func NewChatEvent(item events.Item, source Source) ChatEvent {
	stamp := Stamp{Cursor: item.Cursor, At: item.At, source: source}
	switch {
	case item.Started != nil:
		return StreamStarted{Stamp: stamp, Resumed: item.Started.Resumed, chatID: item.Started.ChatID}
	case item.Event != nil:
		return newDurable(stamp, item.Event)
	case item.Ephemeral != nil:
		return newEphemeral(stamp, item.Ephemeral)
	}
	reset := StreamReset{Stamp: stamp, Reason: item.Reset.Reason}
	if item.Reset.ChatID != "" {
		reset.ResetChatID = &item.Reset.ChatID
	}
	return reset
}

// renders has a row for each kind of durable event: the event of the schema that it becomes.
var renders = map[db.EventKind]func(Durable, *db.Event) ChatEvent{
	db.ChatCreated:     func(d Durable, _ *db.Event) ChatEvent { return ChatCreated{d} },
	db.ChatRenamed:     func(d Durable, e *db.Event) ChatEvent { return ChatRenamed{d, e.Title} },
	db.ChatDeleted:     func(d Durable, _ *db.Event) ChatEvent { return ChatDeleted{d} },
	db.ChatTransferred: func(d Durable, e *db.Event) ChatEvent { return ChatTransferred{d, e.Member} },
	db.MessageSent:     func(d Durable, e *db.Event) ChatEvent { return MessageSent{d, e.Message} },
	db.MessageEdited:   func(d Durable, e *db.Event) ChatEvent { return MessageEdited{d, e.Message} },
	db.MessageDeleted:  func(d Durable, e *db.Event) ChatEvent { return MessageDeleted{d, e.Message} },
	db.MemberAdded:     func(d Durable, e *db.Event) ChatEvent { return MemberAdded{d, e.Member} },
	db.MemberRemoved:   func(d Durable, e *db.Event) ChatEvent { return MemberRemoved{d, e.Member.User()} },
}

func newDurable(stamp Stamp, e *db.Event) ChatEvent {
	render := renders[e.Kind]
	if render == nil {
		return nil
	}
	return render(Durable{About: About{stamp, e.ChatID}, EventID: e.Identity(), Seq: e.Seq, Actor: &db.User{ID: e.Actor}}, e)
}

func newEphemeral(stamp Stamp, p *events.Ephemeral) ChatEvent {
	about, user := About{stamp, p.ChatID}, &db.User{ID: p.User}
	switch p.Kind {
	case events.MessagesRead:
		return MessagesRead{about, user, p.ReadSeq}
	case events.TypingChanged:
		return TypingChanged{about, user, p.On}
	case events.PresenceChanged:
		return PresenceChanged{about, user, p.On}
	}
	return nil
}
