package dbtest

import (
	"context"
	"errors"
	"strings"
	"time"

	"studychat/db"
)

// testTexts sends what statements, JSON and encodings trip over.
func testTexts(f *fixture) {
	for _, text := range []string{
		"plain",
		"it's \"quoted\" `ticked` \\ backslashed \\' both",
		"?, ?0, ?1, ?TableName, $1, :name, @name, %s, %d, {{.}}",
		"'); DROP TABLE chats; --",
		"line\nbreak\ttab",
		`\u0000 and \x00 and \n as written`,
		"é ü ß ж 日本語 العربية",
		"👩‍👩‍👧‍👦 👍🏽 🇪🇺 𝄞",
		"e\u0301 is not \u00e9", // two spellings of one letter stay two
		"\u202ertl\u202c zero\u200bwidth \ufeff",
		"<script>alert(1)</script> & &amp;",
		"NULL",
		"\ufffd",
		strings.Repeat("𝄞", db.MaxTitle),
	} {
		chat := db.NewChat{ID: db.NewID(), Title: text, ModuleID: &text}
		_, err := f.repo.PutModule(f.ctx, db.Module{ID: text, Title: text})
		f.ok(err)
		f.must(f.repo.CreateChat(f.ctx, f.owner, chat))
		member := text + db.NewID()
		f.must(f.repo.AddMember(f.ctx, f.owner, chat.ID, member))
		message := f.send(member, chat.ID, text).Message
		got := f.read(member, chat.ID)
		if got.Title != text || *got.ModuleID != text || got.LastMessage.Content != text || got.LastMessage.Author != member {
			f.Errorf("%q came back as %+v with %+v", text, got, got.LastMessage)
		}
		if events := f.log(chat.ID); events[0].Title != text || events[1].Member.UserID != member {
			f.Errorf("%q came back as %+v, %+v", text, events[0], events[1].Member)
		}
		f.repeats(f.repo.CreateChat(f.ctx, f.owner, chat))
		f.repeats(f.repo.EditMessage(f.ctx, member, message.ID, text))
		list, err := f.repo.Chats(f.ctx, member, &text, db.Page{Limit: 1})
		f.ok(err)
		f.same("by module", ids(list.Chats), []string{chat.ID})
	}
	id := f.chat()
	long := strings.Repeat("𝄞", db.MaxContent)
	f.send(f.mia, id, long)
	if got := f.read(f.mia, id).LastMessage.Content; got != long {
		f.Errorf("a message of %d bytes came back with %d", len(long), len(got))
	}
}

// testTimes expects UTC and microseconds, and that a write says what a read finds.
func testTimes(f *fixture) {
	start := time.Now()
	id := f.chat()
	edit := f.must(f.repo.EditMessage(f.ctx, f.mia, f.send(f.mia, id, "text").Message.ID, "other"))
	deletion := f.must(f.repo.DeleteMessage(f.ctx, f.mia, edit.Message.ID))
	end := time.Now()
	chat := f.read(f.mia, id)
	times := []time.Time{
		edit.At, *edit.Message.EditedAt, deletion.At, *deletion.Message.DeletedAt, chat.CreatedAt, chat.LastAt,
		chat.Members[1].JoinedAt, chat.LastMessage.CreatedAt, *chat.LastMessage.EditedAt, *chat.LastMessage.DeletedAt,
	}
	for _, e := range f.log(id) {
		times = append(times, e.At)
	}
	head, err := f.repo.Head(f.ctx, f.mia, id)
	f.ok(err)
	for i, at := range append(times, head.LastAt) {
		if at.Location() != time.UTC || at.Nanosecond()%1000 != 0 {
			f.Errorf("time %d is %s: want UTC and microseconds", i, at)
		}
		if at.Before(start.Truncate(time.Microsecond)) || at.After(end) {
			f.Errorf("time %d is %s, not between %s and %s", i, at, start, end)
		}
	}
	if !chat.LastAt.Equal(deletion.At) || !chat.LastMessage.EditedAt.Equal(edit.At) {
		f.Errorf("read %s and %s, wrote %s and %s", chat.LastAt, chat.LastMessage.EditedAt, deletion.At, edit.At)
	}
}

// testCancelledContext calls every method with a ctx that is over: the error says so and nothing happens.
func testCancelledContext(f *fixture) {
	id := f.chat()
	message := f.send(f.mia, id, "text").Message.ID
	before := f.log(id)
	ctx, cancel := context.WithCancel(f.ctx)
	cancel()
	calls := methodsOfOneChat(ctx, f.repo)
	calls["CreateChat"] = func(viewer, _, _ string) error {
		_, err := f.repo.CreateChat(ctx, viewer, db.NewChat{ID: db.NewID(), Title: "Title"})
		return err
	}
	calls["Log"] = func(_, chat, _ string) error {
		_, err := f.repo.Log(ctx, chat, 0, 10)
		return err
	}
	calls["Heads"] = func(_, chat, _ string) error {
		_, err := f.repo.Heads(ctx, []string{chat})
		return err
	}
	calls["Messages"] = func(viewer, chat, _ string) error {
		_, err := f.repo.Messages(ctx, viewer, []string{chat}, db.Page{Limit: 1, After: &db.Key{Seq: 1}})
		return err
	}
	for name, call := range calls {
		if name == "Chat" {
			continue // a cache may have the answer without waiting for anything
		}
		if err := call(f.owner, id, message); !errors.Is(err, context.Canceled) {
			f.Errorf("%s: got %v, want an error that wraps context.Canceled", name, err)
		}
	}
	f.same("log", f.log(id), before)
}
