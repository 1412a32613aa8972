package sqlstore

import (
	"encoding/json"
	"fmt"
	"time"

	"studychat/db"
)

// batch is what one transaction does for its calls. Their ids differ.
type batch struct {
	calls []*sendCall

	// What the transaction reads: see sendTx.read.
	chats map[string]*chatRow // those that it has locked
	rows  []*callRow          // one per call, in the order of calls
	held  map[string]bool     // ids that somebody else has reserved at the moment

	// What judge decides.
	accepted []*sendCall
	repeated []*sendCall // a message has their id
	busy     []*sendCall // somebody else has locked their chat or their id
	stored   []*db.Message
	moved    []*chatRow // chats with new messages
}

// chatRow is a locked chat. judge counts on.
type chatRow struct {
	ID            string    `bun:"id"`
	HeadSeq       int64     `bun:"head_seq"`
	LastAt        time.Time `bun:"last_at"`
	LastMessageAt time.Time `bun:"last_message_at"`
	Epoch         int64     `bun:"epoch"`
	Stamp         time.Time `bun:"stamp"` // the database's time
	users         []string  // all members, or rosterLimit of them
	events        []*db.Event
}

// heldRow is an id that somebody else has reserved.
type heldRow struct {
	ID string `bun:"id"`
}

// callRow is what the database says about a call.
type callRow struct {
	N       int     `bun:"n"`      // the call
	Member  bool    `bun:"member"` // the chat exists, and the viewer is a member
	Taken   bool    `bun:"taken"`  // a chat has the message's id
	Sent    bool    `bun:"sent"`   // a message has it
	Replies bool    `bun:"replies"`
	Users   *string `bun:"users"` // of the first call of a chat: members, as JSON
}

func newBatch(calls []*sendCall) *batch {
	for _, call := range calls {
		call.Item.event, call.Item.err = nil, nil // of an attempt before
	}
	return &batch{calls: calls, chats: map[string]*chatRow{}, held: map[string]bool{}, rows: make([]*callRow, len(calls))}
}

// judge decides about each call, in their order. The rows were read behind the chats' locks.
func (b *batch) judge() {
	for i, call := range b.calls {
		item, row, chat := call.Item, b.rows[i], b.chats[call.Key]
		switch {
		case !row.Member:
			item.err = db.NotFound("chat")
		case chat == nil, b.held[item.message.ID]:
			b.busy = append(b.busy, call)
		case row.Taken:
			item.err = db.Conflict("The id is taken by a chat.")
		case row.Sent:
			b.repeated = append(b.repeated, call)
		case !row.Replies:
			item.err = db.NotFound("message to reply to")
		default:
			b.accept(call, chat)
		}
	}
}

// accept gives a message the next number of its chat.
func (b *batch) accept(call *sendCall, chat *chatRow) {
	if len(chat.events) == 0 {
		b.moved = append(b.moved, chat)
		chat.LastAt = later(chat.LastAt, chat.Stamp)
		chat.LastMessageAt = later(chat.LastMessageAt, chat.LastAt)
	}
	chat.HeadSeq++
	item := call.Item
	message := &db.Message{
		ID: item.message.ID, ChatID: chat.ID, Seq: chat.HeadSeq, Author: item.viewer, Role: item.message.Role,
		Content: item.message.Content, ReplyTo: item.message.ReplyTo, CreatedAt: chat.LastAt,
	}
	item.event = &db.Event{
		ChatID: chat.ID, Seq: chat.HeadSeq, Epoch: chat.Epoch, Kind: db.MessageSent, Actor: item.viewer, At: chat.LastAt, Message: message,
	}
	chat.events = append(chat.events, item.event)
	b.stored = append(b.stored, message)
	b.accepted = append(b.accepted, call)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// writes is what to tell the guard.
func (b *batch) writes() []db.Write {
	writes := make([]db.Write, len(b.moved))
	for i, chat := range b.moved {
		writes[i] = db.Write{ChatID: chat.ID, Members: guardedMembers(chat.users, chat.events[0])}
	}
	return writes
}

// events returns the events of the accepted calls, those of each chat in order.
func (b *batch) events() []*db.Event {
	events := make([]*db.Event, len(b.accepted))
	for i, call := range b.accepted {
		events[i] = call.Item.event
	}
	return events
}

// add takes in what was read.
func (b *batch) add(chats []*chatRow, rows []*callRow, held []*heldRow) error {
	for _, chat := range chats {
		chat.LastAt, chat.LastMessageAt, chat.Stamp = chat.LastAt.UTC(), chat.LastMessageAt.UTC(), chat.Stamp.UTC()
		b.chats[chat.ID] = chat
	}
	for _, row := range held {
		b.held[row.ID] = true
	}
	if len(rows) != len(b.calls) {
		return fmt.Errorf("the database has judged %d calls, not %d", len(rows), len(b.calls))
	}
	for _, row := range rows {
		b.rows[row.N] = row
		chat := b.chats[b.calls[row.N].Key]
		if row.Users == nil || chat == nil {
			continue
		}
		if err := json.Unmarshal([]byte(*row.Users), &chat.users); err != nil {
			return err
		}
	}
	return nil
}

// divide returns the calls that one transaction can have, and the others. Of two calls with one id the second one has to see what became
// of the first one, and an answer has to see the message.
func divide(calls []*sendCall) (now, later []*sendCall) {
	ids := make(map[string]bool, len(calls))
	for _, call := range calls {
		message := call.Item.message
		if ids[message.ID] || message.ReplyTo != nil && ids[*message.ReplyTo] {
			later = append(later, call)
		} else {
			now = append(now, call)
		}
		ids[message.ID] = true
	}
	return now, later
}

// follow gives those of the later calls their outcome that repeat a message which was just stored for the same viewer, and returns the
// others. (A client that tries again and again would otherwise cost a transaction each time.)
func follow(now, later []*sendCall) (rest []*sendCall) {
	if len(later) == 0 {
		return nil
	}
	first := make(map[string]*send, len(now))
	for _, call := range now {
		first[call.Item.message.ID] = call.Item
	}
	for _, call := range later {
		item := call.Item
		leader := first[item.message.ID]
		if leader == nil || leader.event == nil || leader.viewer != item.viewer || leader.message.ChatID != item.message.ChatID {
			rest = append(rest, call)
			continue
		}
		item.event, item.err = repeatSend(leader.event.Message, item, leader.event.Epoch)
	}
	return rest
}
