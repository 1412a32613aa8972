package model

import (
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

// Stamp is what every event carries.
type Stamp struct {
	Cursor string
	At     time.Time
}

// IsChatEvent marks every event.
func (Stamp) IsChatEvent() {}

// Durable is what every durable event carries.
type Durable struct {
	Stamp
	ChatID string
	Seq    int64
	Actor  string
}

// IsDurableChatEvent marks every durable event.
func (Durable) IsDurableChatEvent() {}

// The events as the schema has them; it describes each.
type (
	ChatCreated struct{ Durable }
	ChatRenamed struct {
		Durable
		Title string
	}
	ChatDeleted struct{ Durable }
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
		UserID string
	}
	MessagesRead struct {
		Stamp
		ChatID  string
		UserID  string
		ReadSeq int64
	}
	TypingChanged struct {
		Stamp
		ChatID string
		UserID string
		Typing bool
	}
	PresenceChanged struct {
		Stamp
		ChatID string
		UserID string
		Online bool
	}
	StreamStarted struct {
		Stamp
		ChatID  string // "" for the feed
		Resumed bool
	}
	StreamReset struct {
		Stamp
		ResetChatID *string
		Reason      events.ResetReason
	}
)

// NewChatEvent is the one place where an item of a stream becomes an event of the schema.
func NewChatEvent(item events.Item) ChatEvent {
	stamp := Stamp{Cursor: item.Cursor, At: item.At}
	switch {
	case item.Started != nil:
		return StreamStarted{stamp, item.Started.ChatID, item.Started.Resumed}
	case item.Event != nil:
		return newDurable(stamp, item.Event)
	case item.Passing != nil:
		return newPassing(stamp, item.Passing)
	}
	reset := StreamReset{Stamp: stamp, Reason: item.Reset.Reason}
	if item.Reset.ChatID != "" {
		reset.ResetChatID = &item.Reset.ChatID
	}
	return reset
}

// newDurable returns nil for a kind that this version does not know (an event of a newer instance): the caller skips it.
func newDurable(stamp Stamp, e *db.Event) ChatEvent {
	d := Durable{Stamp: stamp, ChatID: e.ChatID, Seq: e.Seq, Actor: e.Actor}
	switch e.Kind {
	case db.ChatCreated:
		return ChatCreated{d}
	case db.ChatRenamed:
		return ChatRenamed{d, e.Title}
	case db.ChatDeleted:
		return ChatDeleted{d}
	case db.MessageSent:
		return MessageSent{d, e.Message}
	case db.MessageEdited:
		return MessageEdited{d, e.Message}
	case db.MessageDeleted:
		return MessageDeleted{d, e.Message}
	case db.MemberAdded:
		return MemberAdded{d, e.Member}
	case db.MemberRemoved:
		return MemberRemoved{d, e.Member.UserID}
	}
	return nil
}

func newPassing(stamp Stamp, p *events.Passing) ChatEvent {
	switch p.Kind {
	case events.MessagesRead:
		return MessagesRead{stamp, p.ChatID, p.User, p.ReadSeq}
	case events.TypingChanged:
		return TypingChanged{stamp, p.ChatID, p.User, p.On}
	case events.PresenceChanged:
		return PresenceChanged{stamp, p.ChatID, p.User, p.On}
	}
	return nil
}
