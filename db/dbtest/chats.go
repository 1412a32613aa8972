package dbtest

import (
	"fmt"
	"slices"
	"strings"

	"studychat/db"
)

func testCreateChat(f *fixture) {
	module := f.module()
	id := db.NewID()
	event := f.must(f.repo.CreateChat(f.ctx, f.owner, db.NewChat{ID: id, Title: "Title", ModuleID: &module}))
	f.same("event", event, &db.Event{
		ChatID: id, Seq: 1, Epoch: event.Epoch, Kind: db.ChatCreated, Actor: f.owner, At: event.At, Title: "Title",
	})
	chat := f.read(f.owner, id)
	f.same("chat", chat, &db.Chat{
		ID: id, Title: "Title", ModuleID: &module, CreatedBy: f.owner, CreatedAt: event.At, LastAt: event.At, LastMessageAt: event.At,
		HeadSeq: 1, Epoch: event.Epoch,
		Members: []*db.Member{{UserID: f.owner, Role: db.RoleOwner, JoinedAt: event.At}},
		Newest:  &db.Newest{Messages: []*db.Message{}, Whole: true},
	})
	epoch, err := f.repo.Epoch(f.ctx)
	f.ok(err)
	if event.Epoch != epoch || epoch < 1 {
		f.Errorf("the event counts in epoch %d, the repository in %d", event.Epoch, epoch)
	}
}

func testCreateChatAgain(f *fixture) {
	module, other := f.module(), f.module()
	first := db.NewChat{ID: db.NewID(), Title: "Title", ModuleID: &module}
	event := f.must(f.repo.CreateChat(f.ctx, f.owner, first))
	f.must(f.repo.AddMember(f.ctx, f.owner, first.ID, f.mia))
	f.same("repeat", f.repeats(f.repo.CreateChat(f.ctx, f.owner, first)), event)
	for reason, call := range map[string]struct {
		viewer string
		chat   db.NewChat
	}{
		"another title":         {f.owner, db.NewChat{ID: first.ID, Title: "Other", ModuleID: &module}},
		"another module":        {f.owner, db.NewChat{ID: first.ID, Title: "Title", ModuleID: &other}},
		"no module":             {f.owner, db.NewChat{ID: first.ID, Title: "Title"}},
		"a member, not creator": {f.mia, first},
		"a stranger":            {user("stranger"), first},
	} {
		_, err := f.repo.CreateChat(f.ctx, call.viewer, call.chat)
		if db.CodeOf(err) != db.CodeConflict {
			f.Errorf("%s: got %v, want CONFLICT", reason, err)
		}
	}
	f.must(f.repo.RenameChat(f.ctx, f.owner, first.ID, "Renamed"))
	f.same("repeat after a rename", f.repeats(f.repo.CreateChat(f.ctx, f.owner, first)), event)
	f.must(f.repo.DeleteChat(f.ctx, f.owner, first.ID))
	f.refuses(db.CodeConflict)(f.repo.CreateChat(f.ctx, f.owner, first))
}

func testRenameChat(f *fixture) {
	id := f.chat()
	event := f.must(f.repo.RenameChat(f.ctx, f.owner, id, "Second"))
	f.same("event", event, &db.Event{
		ChatID: id, Seq: 3, Epoch: event.Epoch, Kind: db.ChatRenamed, Actor: f.owner, At: event.At, Title: "Second",
	})
	chat := f.read(f.mia, id)
	if chat.Title != "Second" || chat.HeadSeq != 3 || !chat.LastAt.Equal(event.At) {
		f.Errorf("the chat is %+v", chat)
	}
	again := f.repeats(f.repo.RenameChat(f.ctx, f.owner, id, "Second"))
	if again.Title != "Second" || again.Seq != 3 {
		f.Errorf("the repeat says %+v", again)
	}
	f.refuses(db.CodeForbidden)(f.repo.RenameChat(f.ctx, f.mia, id, "Third"))
	f.refuses(db.CodeForbidden)(f.repo.RenameChat(f.ctx, f.mia, id, "Second"))
	if chat := f.read(f.mia, id); chat.Title != "Second" || chat.HeadSeq != 3 {
		f.Errorf("after refusals the chat is %+v", chat)
	}
}

func testDeleteChat(f *fixture) {
	id := f.chat()
	f.send(f.mia, id, "text")
	f.refuses(db.CodeForbidden)(f.repo.DeleteChat(f.ctx, f.mia, id))
	event := f.must(f.repo.DeleteChat(f.ctx, f.owner, id))
	f.same("event", event, &db.Event{
		ChatID: id, Seq: 4, Epoch: event.Epoch, Kind: db.ChatDeleted, Actor: f.owner, At: event.At,
	})
	f.same("repeat", f.repeats(f.repo.DeleteChat(f.ctx, f.owner, id)), event)
	f.refuses(db.CodeNotFound)(f.repo.DeleteChat(f.ctx, f.mia, id))
	f.refuses(db.CodeNotFound)(f.repo.DeleteChat(f.ctx, user("stranger"), id))
	f.refuses(db.CodeNotFound)(f.repo.Chat(f.ctx, f.owner, id))
}

// testDeleteChatPurges looks for the text wherever a Repository could still show it.
func testDeleteChatPurges(f *fixture) {
	id := f.ownChat("secret title")
	f.must(f.repo.AddMember(f.ctx, f.owner, id, f.mia))
	f.must(f.repo.RenameChat(f.ctx, f.owner, id, "secret name"))
	message := f.send(f.mia, id, "secret text").Message
	deleted := f.must(f.repo.DeleteChat(f.ctx, f.owner, id))
	head, err := f.repo.Head(f.ctx, f.mia, id)
	f.ok(err)
	if head.FloorSeq != deleted.Seq-1 || head.HeadSeq != deleted.Seq || head.DeletedAt == nil || !head.DeletedAt.Equal(deleted.At) {
		f.Errorf("the head is %+v", head)
	}
	log, err := f.repo.Log(f.ctx, id, 0, 100)
	f.ok(err)
	f.same("log", log.Events, []*db.Event{deleted})
	f.refuses(db.CodeNotFound)(readMessage(f.ctx, f.repo, f.mia, message.ID))
	// The id of a purged message is free: nothing is left of it that could be in the way.
	other := f.ownChat("Other")
	reused := newMessage(other, "new text")
	reused.ID = message.ID
	f.must(f.repo.SendMessage(f.ctx, f.owner, reused))
}

func testOwnedChats(f *fixture) {
	var want []string
	for i := range 5 {
		want = append(want, f.ownChat(fmt.Sprint("chat ", i)))
	}
	slices.Sort(want)
	deleted := f.ownChat("deleted")
	f.must(f.repo.DeleteChat(f.ctx, f.owner, deleted))
	joined := f.must(f.repo.CreateChat(f.ctx, f.mia, db.NewChat{ID: db.NewID(), Title: "mia's"})).ChatID
	f.must(f.repo.AddMember(f.ctx, f.mia, joined, f.owner))
	all, err := f.repo.OwnedChats(f.ctx, f.owner, "", 100)
	f.ok(err)
	f.same("all", all, want)
	var walked []string
	after := ""
	for {
		part, err := f.repo.OwnedChats(f.ctx, f.owner, after, 2)
		f.ok(err)
		if len(part) == 0 {
			break
		}
		walked = append(walked, part...)
		after = part[len(part)-1]
	}
	f.same("walk in twos", walked, want)
	none, err := f.repo.OwnedChats(f.ctx, user("stranger"), "", 100)
	f.ok(err)
	f.same("a stranger's", none, []string{})
}

func testChat(f *fixture) {
	id := f.chat()
	first := f.send(f.mia, id, "first").Message
	second := f.send(f.owner, id, "second").Message
	chat := f.read(f.mia, id)
	f.same("newest", chat.Newest, &db.Newest{Messages: []*db.Message{first, second}, Whole: true})
	f.same("last", chat.LastMessage, second)
	f.same("members", users(chat.Members), []string{f.owner, f.mia})
	if chat.HeadSeq != second.Seq || !chat.LastAt.Equal(second.CreatedAt) || chat.FloorSeq != 0 {
		f.Errorf("the chat is %+v", chat)
	}
	f.must(f.repo.DeleteMessage(f.ctx, f.owner, second.ID))
	if last := f.read(f.mia, id).LastMessage; last.ID != second.ID || last.DeletedAt == nil {
		f.Errorf("a deleted last message is still the last: %+v", last)
	}
}

func testChatNewest(f *fixture) {
	id := f.chat()
	for i := range db.MessagePage {
		f.send(f.mia, id, fmt.Sprint(i))
	}
	if newest := f.read(f.mia, id).Newest; len(newest.Messages) != db.MessagePage || !newest.Whole {
		f.Fatalf("%d messages, whole %t; want all of them", len(newest.Messages), newest.Whole)
	}
	f.send(f.mia, id, "one more")
	newest := f.read(f.mia, id).Newest
	if len(newest.Messages) != db.MessagePage || newest.Whole || newest.Messages[0].Content != "1" ||
		newest.Messages[db.MessagePage-1].Content != "one more" {
		f.Fatalf("got %q, whole %t; want the newest, oldest first", contents(newest.Messages), newest.Whole)
	}
}

func testChatNewestBytes(f *fixture) {
	id := f.chat()
	f.send(f.mia, id, "old")
	big := strings.Repeat("é", db.NewestBytes/8) // four of them are NewestBytes
	for range 4 {
		f.send(f.mia, id, big)
	}
	if n := f.read(f.mia, id).Newest; len(n.Messages) != 4 || n.Whole {
		f.Fatalf("%d messages, whole %t; want exactly the four that fit", len(n.Messages), n.Whole)
	}
	f.send(f.mia, id, "new")
	if n := f.read(f.mia, id).Newest; len(n.Messages) != 4 || n.Whole || n.Messages[3].Content != "new" {
		f.Fatalf("%d messages; want three big ones and the new one", len(n.Messages))
	}
	huge := strings.Repeat("𝄞", db.MaxContent) // 64,000 bytes
	f.send(f.mia, id, huge)
	f.send(f.mia, id, huge)
	if n := f.read(f.mia, id).Newest; len(n.Messages) != 1 || n.Whole || n.Messages[0].Content != huge {
		f.Fatalf("%d messages; want the newest alone", len(n.Messages))
	}
}

func testChatsContent(f *fixture) {
	empty, full := f.ownChat("empty"), f.chat()
	last := f.send(f.mia, full, "text").Message
	list, err := f.repo.Chats(f.ctx, f.owner, nil, db.Page{Limit: 10})
	f.ok(err)
	f.same("order", ids(list.Chats), []string{full, empty})
	for _, got := range list.Chats {
		want := *f.read(f.owner, got.ID)
		want.Newest = nil
		f.same("the chat as Chat has it", got, &want)
	}
	f.same("last message", list.Chats[0].LastMessage, last)
	if list.Chats[1].LastMessage != nil {
		f.Error("an empty chat has a last message")
	}
	list, err = f.repo.Chats(f.ctx, user("stranger"), nil, db.Page{Limit: 10})
	f.ok(err)
	f.same("a stranger's", list, &db.ChatList{Chats: []*db.Chat{}, Cursor: list.Cursor})
}

// testChatsOrder says that a message, and nothing else, moves a chat to the front.
func testChatsOrder(f *fixture) {
	a, b := f.chat(), f.chat()
	message := f.send(f.mia, b, "text").Message
	front := func(reason, want string) {
		f.Helper()
		list, err := f.repo.Chats(f.ctx, f.mia, nil, db.Page{Limit: 1})
		f.ok(err)
		if list.Chats[0].ID != want {
			f.Errorf("after %s the wrong chat is in front", reason)
		}
	}
	f.must(f.repo.RenameChat(f.ctx, f.owner, a, "Other"))
	front("a rename", b)
	third := user("third")
	f.must(f.repo.AddMember(f.ctx, f.owner, a, third))
	front("a new member", b)
	f.must(f.repo.LeaveChat(f.ctx, third, a))
	front("a member who left", b)
	_, _, err := f.repo.MarkRead(f.ctx, f.mia, a, 1)
	f.ok(err)
	front("a read mark", b)
	sent := f.send(f.owner, a, "text").Message
	front("a message", a)
	f.must(f.repo.EditMessage(f.ctx, f.mia, message.ID, "edited"))
	front("an edit", a)
	f.must(f.repo.DeleteMessage(f.ctx, f.mia, message.ID))
	front("a deletion", a)
	if chat := f.read(f.mia, a); !chat.LastMessageAt.Equal(sent.CreatedAt) {
		f.Errorf("the chat's last message is of %s, want %s", chat.LastMessageAt, sent.CreatedAt)
	}
	newer := f.chat()
	front("a new chat, which counts from its start", newer)
}
