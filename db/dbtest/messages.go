package dbtest

import (
	"studychat/db"
)

func testSendMessage(f *fixture) {
	id := f.chat()
	for _, role := range []db.MessageRole{db.RoleUser, db.RoleAssistant, db.RoleSystem} {
		message := newMessage(id, "in the name of "+string(role))
		message.Role = role
		before := f.read(f.mia, id)
		event := f.must(f.repo.SendMessage(f.ctx, f.mia, message))
		f.same("event", event, &db.Event{
			ChatID: id, Seq: before.HeadSeq + 1, Epoch: before.Epoch, Kind: db.MessageSent, Actor: f.mia, At: event.At,
			Message: &db.Message{
				ID: message.ID, ChatID: id, Seq: before.HeadSeq + 1, Author: f.mia, Role: role,
				Content: message.Content, CreatedAt: event.At,
			},
		})
		if event.At.Before(before.LastAt) {
			f.Errorf("the event is of %s, the one before it of %s", event.At, before.LastAt)
		}
		got, err := readMessage(f.ctx, f.repo, f.owner, message.ID)
		f.ok(err)
		f.same("message", got, event.Message)
	}
}

func testSendMessageAgain(f *fixture) {
	id, other := f.chat(), f.chat()
	first := newMessage(id, "text")
	event := f.must(f.repo.SendMessage(f.ctx, f.mia, first))
	f.same("repeat", f.repeats(f.repo.SendMessage(f.ctx, f.mia, first)), event)
	for reason, call := range map[string]struct {
		viewer  string
		message db.NewMessage
	}{
		"another content": {f.mia, db.NewMessage{ID: first.ID, ChatID: id, Role: db.RoleUser, Content: "other"}},
		"another role":    {f.mia, db.NewMessage{ID: first.ID, ChatID: id, Role: db.RoleSystem, Content: "text"}},
		"another chat":    {f.mia, db.NewMessage{ID: first.ID, ChatID: other, Role: db.RoleUser, Content: "text"}},
		"another author":  {f.owner, first},
	} {
		_, err := f.repo.SendMessage(f.ctx, call.viewer, call.message)
		if db.CodeOf(err) != db.CodeConflict {
			f.Errorf("%s: got %v, want CONFLICT", reason, err)
		}
	}
	if chat := f.read(f.mia, id); chat.HeadSeq != event.Seq || len(chat.Newest.Messages) != 1 {
		f.Errorf("the chat reaches to %d with %d messages", chat.HeadSeq, len(chat.Newest.Messages))
	}
	if chat := f.read(f.mia, other); chat.HeadSeq != 2 || len(chat.Newest.Messages) != 0 {
		f.Errorf("the other chat reaches to %d with %d messages", chat.HeadSeq, len(chat.Newest.Messages))
	}
}

// testSendMessageAgainChanged repeats a send whose message was changed since: the first content is not known any more.
func testSendMessageAgainChanged(f *fixture) {
	id := f.chat()
	edited, deleted := newMessage(id, "before"), newMessage(id, "before")
	f.must(f.repo.SendMessage(f.ctx, f.mia, edited))
	f.must(f.repo.SendMessage(f.ctx, f.mia, deleted))
	edit := f.must(f.repo.EditMessage(f.ctx, f.mia, edited.ID, "after"))
	deletion := f.must(f.repo.DeleteMessage(f.ctx, f.mia, deleted.ID))
	f.same("edited", f.repeats(f.repo.SendMessage(f.ctx, f.mia, edited)).Message, edit.Message)
	f.same("deleted", f.repeats(f.repo.SendMessage(f.ctx, f.mia, deleted)).Message, deletion.Message)
	edited.Role = db.RoleSystem
	f.refuses(db.CodeConflict)(f.repo.SendMessage(f.ctx, f.mia, edited))
}

func testEditMessage(f *fixture) {
	id := f.chat()
	sent := f.send(f.mia, id, "before")
	event := f.must(f.repo.EditMessage(f.ctx, f.mia, sent.Message.ID, "after"))
	want := *sent.Message
	want.Content, want.EditedAt = "after", &event.At
	f.same("event", event, &db.Event{
		ChatID: id, Seq: sent.Seq + 1, Epoch: sent.Epoch, Kind: db.MessageEdited, Actor: f.mia, At: event.At, Message: &want,
	})
	got, err := readMessage(f.ctx, f.repo, f.owner, want.ID)
	f.ok(err)
	f.same("message", got, &want)
	f.same("repeat", f.repeats(f.repo.EditMessage(f.ctx, f.mia, want.ID, "after")).Message, &want)
	f.refuses(db.CodeForbidden)(f.repo.EditMessage(f.ctx, f.owner, want.ID, "not mine"))
	f.must(f.repo.DeleteMessage(f.ctx, f.mia, want.ID))
	f.refuses(db.CodeConflict)(f.repo.EditMessage(f.ctx, f.mia, want.ID, "too late"))
	if last := f.read(f.mia, id).LastMessage; last.Content != "" {
		f.Errorf("the deleted message says %q", last.Content)
	}
}

func testDeleteMessage(f *fixture) {
	id := f.chat()
	third := user("third")
	f.must(f.repo.AddMember(f.ctx, f.owner, id, third))
	sent := f.send(f.mia, id, "text")
	f.must(f.repo.EditMessage(f.ctx, f.mia, sent.Message.ID, "edited"))
	f.refuses(db.CodeForbidden)(f.repo.DeleteMessage(f.ctx, third, sent.Message.ID))
	event := f.must(f.repo.DeleteMessage(f.ctx, f.mia, sent.Message.ID))
	message := event.Message
	if message.Content != "" || message.DeletedAt == nil || !message.DeletedAt.Equal(event.At) || message.EditedAt == nil ||
		event.Kind != db.MessageDeleted || event.Actor != f.mia || event.Seq != sent.Seq+2 {
		f.Errorf("the event is %+v with %+v", event, message)
	}
	again := f.repeats(f.repo.DeleteMessage(f.ctx, f.owner, message.ID))
	f.same("repeat", again.Message, message)
	f.refuses(db.CodeForbidden)(f.repo.DeleteMessage(f.ctx, third, message.ID))
	byOwner := f.send(f.mia, id, "text").Message
	if event := f.must(f.repo.DeleteMessage(f.ctx, f.owner, byOwner.ID)); event.Actor != f.owner || event.Message.Author != f.mia {
		f.Errorf("the owner's deletion is %+v", event)
	}
}

func testMessage(f *fixture) {
	id := f.chat()
	sent := f.send(f.mia, id, "text").Message
	f.must(f.repo.DeleteMessage(f.ctx, f.mia, sent.ID))
	got, err := readMessage(f.ctx, f.repo, f.owner, sent.ID)
	f.ok(err)
	if got.DeletedAt == nil || got.Content != "" || got.Seq != sent.Seq {
		f.Errorf("the deleted message is %+v", got)
	}
	f.refuses(db.CodeNotFound)(readMessage(f.ctx, f.repo, f.owner, db.NewID()))
}
