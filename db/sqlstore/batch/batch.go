// Package batch is what one transaction does for many sends: what it reads, how each send is judged by that, and what it stores.
package batch

import (
	"context"
	"fmt"
	"time"

	"studychat/db"
	"studychat/db/sqlstore/group"
)

// Send is one call of SendMessage, and its outcome.
type Send struct {
	Ctx     context.Context // of the caller
	Viewer  string
	Message db.NewMessage

	Event *db.Event
	Err   error
}

// Call is a Send in a batch.
type Call = group.Call[*Send]

// Batch is what one transaction does for its calls. Their ids differ: see Divide.
type Batch struct {
	Calls []*Call

	chats map[string]*Chat // those that the transaction has locked
	found []found          // one per call

	// What Judge decides.
	Accepted []*Call
	Repeated []*Call // a message has their id
	Busy     []*Call // somebody else has locked their chat or their id
	Messages []*db.Message
	Moved    []*Chat // chats with new messages
}

// Chat is a locked chat. Judge counts on.
type Chat struct {
	ID            string
	HeadSeq       int64
	LastAt        time.Time
	LastMessageAt time.Time
	Epoch         int64
	Stamp         time.Time // the database's time
	users         []string  // all members, or rosterLimit of them
	events        []*db.Event
}

// found is what the database says about a call.
type found struct {
	N       int
	Member  bool     // the chat exists, and the viewer is a member
	Taken   bool     // a chat has the message's id
	Sent    bool     // a message has it
	Answers bool     // a message of the chat, or none
	Held    bool     // somebody else has reserved the id at the moment
	Users   []string // of the first call of a chat: members
}

// New makes a batch.
func New(calls []*Call) *Batch {
	for _, call := range calls {
		call.Item.Event, call.Item.Err = nil, nil // of an attempt before
	}
	return &Batch{Calls: calls, chats: map[string]*Chat{}, found: make([]found, len(calls))}
}

// firsts says for each call whether it is the first one of its chat.
func (b *Batch) firsts() []bool {
	firsts, seen := make([]bool, len(b.Calls)), make(map[string]bool, len(b.Calls))
	for i, call := range b.Calls {
		firsts[i] = !seen[call.Key]
		seen[call.Key] = true
	}
	return firsts
}

// add takes in what was read.
func (b *Batch) add(chats []*Chat, calls []found) error {
	if len(calls) != len(b.Calls) {
		return fmt.Errorf("the database has judged %d calls, not %d", len(calls), len(b.Calls))
	}
	for _, chat := range chats {
		b.chats[chat.ID] = chat
	}
	for _, f := range calls {
		b.found[f.N] = f
		if chat := b.chats[b.Calls[f.N].Key]; chat != nil && f.Users != nil {
			chat.users = f.Users
		}
	}
	return nil
}

// Writes is what to tell the guard.
func (b *Batch) Writes() []db.Write {
	writes := make([]db.Write, len(b.Moved))
	for i, chat := range b.Moved {
		writes[i] = db.Write{ChatID: chat.ID}
		if len(chat.users) <= db.MaxGuardedMembers {
			writes[i].Members = chat.users
		}
	}
	return writes
}

// Contexts are those of the callers.
func Contexts(calls []*Call) []context.Context {
	all := make([]context.Context, len(calls))
	for i, call := range calls {
		all[i] = call.Item.Ctx
	}
	return all
}

// Events returns the events of the accepted calls, those of each chat in order.
func (b *Batch) Events() []*db.Event {
	events := make([]*db.Event, len(b.Accepted))
	for i, call := range b.Accepted {
		events[i] = call.Item.Event
	}
	return events
}
