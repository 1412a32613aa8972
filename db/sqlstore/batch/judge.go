package batch

import (
	"slices"
	"time"

	"studychat/db"
)

// Judge decides about each call, in their order. What it judges by was read behind the chats' locks.
func (b *Batch) Judge() {
	for i, call := range b.Calls {
		item, found, chat := call.Item, &b.found[i], b.chats[call.Key]
		switch {
		case !found.Member:
			item.Err = db.NotFound("chat")
		case chat == nil, found.Held:
			b.Busy = append(b.Busy, call)
		case found.Taken:
			item.Err = db.Conflict("The id is taken by a chat.")
		case found.Sent:
			b.Repeated = append(b.Repeated, call)
		case !found.Answers:
			item.Err = db.NotFound("message to reply to")
		default:
			b.accept(call, chat)
		}
	}
}

// accept gives a message the next number of its chat.
func (b *Batch) accept(call *Call, chat *Chat) {
	if len(chat.events) == 0 {
		b.Moved = append(b.Moved, chat)
		chat.LastAt = later(chat.LastAt, chat.Stamp)
		chat.LastMessageAt = later(chat.LastMessageAt, chat.LastAt)
	}
	chat.HeadSeq++
	item := call.Item
	message := &db.Message{
		ID: item.Message.ID, ChatID: chat.ID, Seq: chat.HeadSeq, Author: item.Viewer, Role: item.Message.Role,
		Content: item.Message.Content, ReplyTo: item.Message.ReplyTo, CreatedAt: chat.LastAt,
	}
	item.Event = &db.Event{
		ChatID: chat.ID, Seq: chat.HeadSeq, Epoch: chat.Epoch, Kind: db.MessageSent, Actor: item.Viewer, At: chat.LastAt, Message: message,
	}
	chat.events = append(chat.events, item.Event)
	b.Messages = append(b.Messages, message)
	b.Accepted = append(b.Accepted, call)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// RepeatedIDs are the ids of the calls whose ids are those of stored messages.
func (b *Batch) RepeatedIDs() (ids []string) {
	for _, call := range b.Repeated {
		ids = append(ids, call.Item.Message.ID)
	}
	return ids
}

// Repeat gives these calls their outcome, which the stored messages decide.
func (b *Batch) Repeat(stored []*db.Message) {
	for _, call := range b.Repeated {
		var first *db.Message
		if i := slices.IndexFunc(stored, func(m *db.Message) bool { return m.ID == call.Item.Message.ID }); i >= 0 {
			first = stored[i]
		}
		call.Item.repeat(first, b.chats[call.Key].Epoch)
	}
}

// repeat decides whether a send with the id of a stored message is a repeat. It ignores content that was edited or deleted since.
// first is nil when the message was pruned or deleted with its chat at this moment. Then it was of another chat, because the
// transaction holds the lock of this one.
func (s *Send) repeat(first *db.Message, epoch int64) {
	message := s.Message
	if first == nil || first.Author != s.Viewer || first.ChatID != message.ChatID || first.Role != message.Role ||
		!equal(first.ReplyTo, message.ReplyTo) ||
		first.EditedAt == nil && first.DeletedAt == nil && first.Content != message.Content {
		s.Event, s.Err = nil, db.Conflict("The id is taken by another message.")
		return
	}
	s.Event = &db.Event{
		ChatID: first.ChatID, Seq: first.Seq, Epoch: epoch, Kind: db.MessageSent, Actor: s.Viewer, At: first.CreatedAt,
		Message: first, Repeated: true,
	}
}

func equal(a, b *string) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
