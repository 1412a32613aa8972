package batch

import (
	"testing"

	"studychat/db"
)

func idsOf(calls []*Call) (ids string) {
	for _, call := range calls {
		ids += call.Item.Message.ID
	}
	return ids
}

// TestDivide: calls that have to see what became of another one come later, and what they see comes later too.
func TestDivide(t *testing.T) {
	t.Parallel()
	answer := func(id, to string) db.NewMessage {
		m := message("x", id)
		m.ReplyTo = &to
		return m
	}
	for _, c := range []struct {
		reason     string
		messages   []db.NewMessage
		now, later string
	}{
		{"nothing in common", []db.NewMessage{message("x", "a"), message("y", "b"), answer("c", "z")}, "abc", ""},
		{"one id twice", []db.NewMessage{message("x", "a"), message("y", "a"), message("x", "b")}, "ab", "a"},
		{"an answer to a message of the batch", []db.NewMessage{message("x", "a"), answer("b", "a"), answer("c", "b")}, "a", "bc"},
		{"an answer that comes before its message", []db.NewMessage{answer("b", "a"), message("x", "a")}, "ba", ""},
	} {
		now, later := Divide(callsOf(c.messages...))
		if idsOf(now) != c.now || idsOf(later) != c.later {
			t.Errorf("%s: now %s, later %s; want %s, %s", c.reason, idsOf(now), idsOf(later), c.now, c.later)
		}
	}
}

// TestFollow: a repeat of what was just stored needs no transaction, if it is of the same viewer and chat.
func TestFollow(t *testing.T) {
	t.Parallel()
	calls := callsOf(message("x", "a"), message("x", "a"), message("y", "a"), message("x", "a"), message("x", "b"), message("x", "b"))
	calls[3].Item.Viewer = "eve"
	now, later := Divide(calls)
	now[0].Item.Event = &db.Event{ChatID: "x", Seq: 5, Epoch: 7, Message: &db.Message{ID: "a", ChatID: "x", Seq: 5, Author: "ann", Role: db.RoleUser, Content: "text of a"}}
	now[1].Item.Err = db.NotFound("chat")
	rest := Follow(now, later)
	if idsOf(rest) != "aab" || rest[0] != calls[2] || rest[1] != calls[3] || rest[2] != calls[5] {
		t.Errorf("these remain: %s", idsOf(rest))
	}
	if e := calls[1].Item.Event; e == nil || !e.Repeated || e.Seq != 5 || e.Epoch != 7 {
		t.Errorf("the repeat got %+v, %v", e, calls[1].Item.Err)
	}
}
