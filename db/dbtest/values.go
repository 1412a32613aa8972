package dbtest

import (
	"context"
	"errors"
	"strings"
	"sync"
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
		return errorOf(f.repo.CreateChat(ctx, viewer, db.NewChat{ID: db.NewID(), Title: "Title"}))
	}
	calls["Log"] = func(_, chat, _ string) error {
		return errorOf(f.repo.Log(ctx, chat, 0, 10))
	}
	calls["Heads"] = func(_, chat, _ string) error {
		return errorOf(f.repo.Heads(ctx, []string{chat}))
	}
	calls["Changes"] = func(_, _, _ string) error {
		return errorOf(f.repo.Changes(ctx, time.Time{}, 1))
	}
	calls["Messages"] = func(viewer, chat, _ string) error {
		return errorOf(f.repo.Messages(ctx, viewer, []string{chat}, db.Page{Limit: 1, After: &db.Key{Seq: 1}}))
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

// testIDsOfAllKinds takes ids that are taken, by another kind of object and by other users.
func testIDsOfAllKinds(f *fixture) {
	chat := f.chat()
	message := f.send(f.mia, chat, "text").Message.ID
	theirs := user("stranger")
	for reason, call := range map[string]func() (*db.Event, error){
		"a message with the id of its chat": func() (*db.Event, error) {
			return f.repo.SendMessage(f.ctx, f.owner, db.NewMessage{ID: chat, ChatID: chat, Role: db.RoleUser, Content: "text"})
		},
		"a chat with the id of a message": func() (*db.Event, error) {
			return f.repo.CreateChat(f.ctx, f.owner, db.NewChat{ID: message, Title: "A chat"})
		},
		"a stranger's chat with the id of a message": func() (*db.Event, error) {
			return f.repo.CreateChat(f.ctx, theirs, db.NewChat{ID: message, Title: "A chat"})
		},
		"a message with the id of a stranger's chat": func() (*db.Event, error) {
			own := f.must(f.repo.CreateChat(f.ctx, theirs, db.NewChat{ID: db.NewID(), Title: "Theirs"})).ChatID
			return f.repo.SendMessage(f.ctx, theirs, db.NewMessage{ID: chat, ChatID: own, Role: db.RoleUser, Content: "text"})
		},
		"a message with the id of a deleted chat": func() (*db.Event, error) {
			deleted := f.ownChat("deleted")
			f.must(f.repo.DeleteChat(f.ctx, f.owner, deleted))
			return f.repo.SendMessage(f.ctx, f.mia, db.NewMessage{ID: deleted, ChatID: chat, Role: db.RoleUser, Content: "text"})
		},
	} {
		if event, err := call(); db.CodeOf(err) != db.CodeConflict {
			f.Errorf("%s: got %v, %v, want CONFLICT", reason, event, err)
		}
	}
	if head := f.read(f.mia, chat).HeadSeq; head != 3 {
		f.Errorf("the chat is at %d: a refused message took a number", head)
	}
}

// testIDsAtOnce wants one id for a chat and for a message at the same moment, by different users: one of them gets it.
func testIDsAtOnce(f *fixture) {
	chat := f.chat()
	for range 25 {
		id := db.NewID()
		var sent, created error
		var both sync.WaitGroup
		both.Go(func() {
			_, sent = f.repo.SendMessage(f.ctx, f.mia, db.NewMessage{ID: id, ChatID: chat, Role: db.RoleUser, Content: "text"})
		})
		both.Go(func() {
			_, created = f.repo.CreateChat(f.ctx, f.owner, db.NewChat{ID: id, Title: "A chat"})
		})
		both.Wait()
		if (sent == nil) == (created == nil) {
			f.Fatalf("the message got %v, the chat %v: want one of them", sent, created)
		}
		for _, err := range []error{sent, created} {
			if err != nil {
				f.code(db.CodeConflict, err)
			}
		}
	}
}
