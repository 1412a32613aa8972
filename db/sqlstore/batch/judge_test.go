package batch

import (
	"context"
	"slices"
	"testing"
	"time"

	"studychat/db"
	"studychat/db/sqlstore/group"
)

// at is a time of the tests.
var at = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// callsOf makes a call for each message, of the viewer ann.
func callsOf(messages ...db.NewMessage) []*Call {
	var calls []*Call
	for _, m := range messages {
		calls = append(calls, &group.Call[*Send]{Key: m.ChatID, Item: &Send{Ctx: context.Background(), Viewer: "ann", Message: m}})
	}
	return calls
}

func message(chat, id string) db.NewMessage {
	return db.NewMessage{ID: id, ChatID: chat, Role: db.RoleUser, Content: "text of " + id}
}

// lockedAt is a chat that the batch has locked.
func lockedAt(id string, head int64, last time.Time) *Chat {
	return &Chat{ID: id, HeadSeq: head, LastAt: last, LastMessageAt: last, Epoch: 7, Stamp: at}
}

// fine is what the database says about a call that is accepted.
func fine(n int) found { return found{N: n, Member: true, Answers: true} }

// TestJudge: each call gets the outcome that what was read calls for, and nothing reveals a chat to a stranger.
func TestJudge(t *testing.T) {
	t.Parallel()
	const chat = "chat"
	for _, c := range []struct {
		reason         string
		found          found
		locked         bool
		want           db.Code // of an error
		busy, repeated bool
	}{
		{"a member", found{Member: true, Answers: true}, true, "", false, false},
		{"a stranger, and the chat is busy", found{Answers: true}, false, db.CodeNotFound, false, false},
		{"the chat is busy", found{Member: true, Answers: true}, false, "", true, false},
		{"the id is reserved", found{Member: true, Answers: true, Held: true}, true, "", true, false},
		{"the id is reserved and a message has it", found{Member: true, Answers: true, Held: true, Sent: true}, true, "", true, false},
		{"a chat has the id", found{Member: true, Answers: true, Taken: true}, true, db.CodeConflict, false, false},
		{"a message has the id", found{Member: true, Sent: true}, true, "", false, true},
		{"an answer to nothing", found{Member: true}, true, db.CodeNotFound, false, false},
	} {
		calls := callsOf(message(chat, "a"))
		b := New(calls)
		var chats []*Chat
		if c.locked {
			chats = []*Chat{lockedAt(chat, 4, at.Add(-time.Hour))}
		}
		if err := b.add(chats, []found{c.found}); err != nil {
			t.Fatal(err)
		}
		b.Judge()
		err, accepted := calls[0].Item.Err, calls[0].Item.Event != nil
		if err == nil && c.want != "" || err != nil && db.CodeOf(err) != c.want {
			t.Errorf("%s: got %v", c.reason, err)
		}
		if (len(b.Busy) > 0) != c.busy || (len(b.Repeated) > 0) != c.repeated || accepted != (c.want == "" && !c.busy && !c.repeated) {
			t.Errorf("%s: %d busy, %d repeated, accepted: %t", c.reason, len(b.Busy), len(b.Repeated), accepted)
		}
	}
}

// TestNumbers: the messages of a chat get its next numbers in the order of the calls, and times that never go back.
func TestNumbers(t *testing.T) {
	t.Parallel()
	b := New(callsOf(message("x", "a"), message("y", "b"), message("x", "c")))
	ahead := at.Add(time.Hour)
	if err := b.add([]*Chat{lockedAt("x", 4, at.Add(-time.Hour)), lockedAt("y", 9, ahead)}, []found{fine(2), fine(0), fine(1)}); err != nil {
		t.Fatal(err)
	}
	b.Judge()
	for i, want := range []struct {
		seq int64
		at  time.Time
	}{{5, at}, {10, ahead}, {6, at}} {
		if got := b.Events()[i]; got.Seq != want.seq || !got.At.Equal(want.at) || got.Epoch != 7 || got.Message != b.Messages[i] {
			t.Errorf("call %d: %+v, want %+v", i, got, want)
		}
	}
	if len(b.Moved) != 2 || b.Moved[0].HeadSeq != 6 || b.Moved[1].HeadSeq != 10 || !b.Moved[1].LastMessageAt.Equal(ahead) {
		t.Errorf("the chats are %+v, %+v", b.Moved[0], b.Moved[1])
	}
}

// TestWrites: the guard is told of the members of small chats alone.
func TestWrites(t *testing.T) {
	t.Parallel()
	many := make([]string, db.MaxGuardedMembers+1)
	b := New(callsOf(message("small", "a"), message("large", "b")))
	first, second := fine(0), fine(1)
	first.Users, second.Users = []string{"ann", "ben"}, many
	if err := b.add([]*Chat{lockedAt("small", 1, at), lockedAt("large", 1, at)}, []found{first, second}); err != nil {
		t.Fatal(err)
	}
	b.Judge()
	writes := b.Writes()
	if len(writes) != 2 || !slices.Equal(writes[0].Members, []string{"ann", "ben"}) || writes[1].Members != nil || writes[1].ChatID != "large" {
		t.Errorf("got %+v", writes)
	}
	if err := New(callsOf(message("small", "a"))).add(nil, nil); err == nil {
		t.Error("a call without an answer of the database passes")
	}
}

// TestRepeat: a call with the id of a stored message repeats it only if all that cannot have been edited is the same.
func TestRepeat(t *testing.T) {
	t.Parallel()
	other := "other"
	stored := &db.Message{ID: "a", ChatID: "x", Seq: 3, Author: "ann", Role: db.RoleUser, Content: "text of a", CreatedAt: at}
	change := func(do func(m *db.Message)) *db.Message {
		m := *stored
		do(&m)
		return &m
	}
	for _, c := range []struct {
		reason string
		stored *db.Message
		same   bool
	}{
		{"the same", stored, true},
		{"edited since", change(func(m *db.Message) { m.Content, m.EditedAt = "new", &at }), true},
		{"deleted since", change(func(m *db.Message) { m.Content, m.DeletedAt = "", &at }), true},
		{"another text", change(func(m *db.Message) { m.Content = "new" }), false},
		{"another author", change(func(m *db.Message) { m.Author = "ben" }), false},
		{"another chat", change(func(m *db.Message) { m.ChatID = "y" }), false},
		{"another role", change(func(m *db.Message) { m.Role = db.RoleAssistant }), false},
		{"an answer", change(func(m *db.Message) { m.ReplyTo = &other }), false},
		{"pruned meanwhile", nil, false},
	} {
		b := New(callsOf(message("x", "a")))
		known := fine(0)
		known.Sent = true
		if err := b.add([]*Chat{lockedAt("x", 4, at)}, []found{known}); err != nil {
			t.Fatal(err)
		}
		b.Judge()
		var messages []*db.Message
		if c.stored != nil {
			messages = append(messages, c.stored)
		}
		b.Repeat(messages)
		item := b.Calls[0].Item
		if c.same && (item.Err != nil || !item.Event.Repeated || item.Event.Seq != 3 || item.Event.Epoch != 7) {
			t.Errorf("%s: %+v, %v", c.reason, item.Event, item.Err)
		}
		if !c.same && (item.Event != nil || db.CodeOf(item.Err) != db.CodeConflict) {
			t.Errorf("%s: %+v, %v", c.reason, item.Event, item.Err)
		}
	}
}
