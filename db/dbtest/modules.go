package dbtest

import (
	"fmt"
	"slices"
	"strings"

	"studychat/db"
)

func testPutModule(f *fixture) {
	id := "module-" + db.NewID()
	first, err := f.repo.PutModule(f.ctx, db.Module{ID: id, Title: "Groups", Content: "# Groups"})
	f.ok(err)
	again, err := f.repo.PutModule(f.ctx, db.Module{ID: id, Title: "Groups", Content: "# Groups"})
	f.ok(err)
	f.same("a repeat", again, first)
	changed, err := f.repo.PutModule(f.ctx, db.Module{ID: id, Title: "Groups", Content: "# Rings"})
	f.ok(err)
	if !changed.UpdatedAt.After(first.UpdatedAt) {
		f.Errorf("changed at %s, first at %s", changed.UpdatedAt, first.UpdatedAt)
	}
	found, err := f.repo.ModulesByID(f.ctx, []string{id, "unknown-" + db.NewID()})
	f.ok(err)
	f.same("found", found, map[string]*db.Module{id: changed})
	contents, err := f.repo.ModuleContents(f.ctx, []string{id})
	f.ok(err)
	f.same("contents", contents, map[string]string{id: "# Rings"})
}

func testDeleteModule(f *fixture) {
	module := f.module()
	chat := db.NewChat{ID: db.NewID(), Title: "Title", ModuleID: &module}
	f.must(f.repo.CreateChat(f.ctx, f.owner, chat))
	f.ok(f.repo.DeleteModule(f.ctx, module))
	f.ok(f.repo.DeleteModule(f.ctx, module))
	if kept := f.read(f.owner, chat.ID); kept.ModuleID == nil || *kept.ModuleID != module {
		f.Errorf("the chat's module is %v", kept.ModuleID)
	}
	f.repeats(f.repo.CreateChat(f.ctx, f.owner, chat))
	f.refuses(db.CodeNotFound)(f.repo.CreateChat(f.ctx, f.owner, db.NewChat{ID: db.NewID(), Title: "Title", ModuleID: &module}))
	list, err := f.repo.Chats(f.ctx, f.owner, &module, db.Page{Limit: 10})
	f.ok(err)
	f.same("its chats", ids(list.Chats), []string{chat.ID})
}

// testModulePages compares pages with those of a model. Modules are everybody's, so it looks at its own, which lie together
// in the list: their titles begin alike.
func testModulePages(f *fixture) {
	prefix := "Ä-" + db.NewID()
	var want []string
	var keys []db.Key
	for i := range 5 {
		module := db.Module{ID: fmt.Sprintf("%s.%d", db.NewID(), i), Title: prefix + strings.Repeat("b", i%3)}
		_, err := f.repo.PutModule(f.ctx, module)
		f.ok(err)
		want = append(want, module.Title+" "+module.ID)
		keys = append(keys, db.ModuleKey(&module))
	}
	slices.Sort(want)
	slices.SortFunc(keys, func(a, b db.Key) int { return strings.Compare(a.Title+" "+a.ID, b.Title+" "+b.ID) })
	start, end := db.Key{Title: prefix, ID: ""}, db.Key{Title: prefix + "z"}
	titles := func(p db.Page) (out []string, list *db.ModuleList) {
		list, err := f.repo.Modules(f.ctx, p)
		f.ok(err)
		for _, m := range list.Modules {
			out = append(out, m.Title+" "+m.ID)
		}
		return out, list
	}
	all, _ := titles(db.Page{Limit: 10, After: &start, Before: &end})
	f.same("all", all, want)
	last, list := titles(db.Page{Limit: 2, Backward: true, Before: &keys[4]})
	f.same("two before the last", last, want[2:4])
	if !list.HasPrev || !list.HasNext {
		f.Errorf("prev %t, next %t: want both", list.HasPrev, list.HasNext)
	}
	next, _ := titles(db.Page{Limit: 2, After: &keys[0]})
	f.same("two after the first", next, want[1:3])
}

func testChatsByID(f *fixture) {
	a, b, deleted := f.chat(), f.ownChat("Other"), f.chat()
	f.send(f.mia, a, "text")
	f.must(f.repo.DeleteChat(f.ctx, f.owner, deleted))
	got, err := f.repo.ChatsByID(f.ctx, f.mia, []string{a, b, deleted, db.NewID()})
	f.ok(err)
	want := *f.read(f.mia, a)
	want.Newest = nil
	f.same("mia's", got, map[string]*db.Chat{a: &want})
}

func testCountChats(f *fixture) {
	module := f.module()
	for i := range 3 {
		chat := db.NewChat{ID: db.NewID(), Title: "chat"}
		if i == 0 {
			chat.ModuleID = &module
		}
		f.must(f.repo.CreateChat(f.ctx, f.owner, chat))
	}
	f.must(f.repo.DeleteChat(f.ctx, f.owner, f.ownChat("deleted")))
	for _, test := range []struct {
		module *string
		want   int
	}{{nil, 3}, {&module, 1}} {
		n, err := f.repo.CountChats(f.ctx, f.owner, test.module)
		f.ok(err)
		if n != test.want {
			f.Errorf("%d chats, want %d", n, test.want)
		}
	}
}

// testMessagesAround asks for pages around each message, and compares them with what the contract says.
func testMessagesAround(f *fixture) {
	id := f.chat()
	var all []*db.Message
	for i := range 7 {
		all = append(all, f.send(f.mia, id, fmt.Sprint(i)).Message)
	}
	other := f.send(f.owner, f.ownChat("Other"), "elsewhere").Message
	for _, test := range []struct {
		at, limit, from, to int
	}{
		{3, 3, 2, 5}, {3, 4, 1, 5}, {3, 1, 3, 4}, {0, 3, 0, 3}, {6, 3, 4, 7}, {5, 4, 3, 7}, {1, 100, 0, 7}, {3, 0, 3, 3},
	} {
		for _, place := range []db.Place{{Seq: all[test.at].Seq}, {MessageID: all[test.at].ID}} {
			got, err := f.repo.MessagesAround(f.ctx, f.owner, id, place, test.limit)
			f.ok(err)
			f.same(fmt.Sprintf("%d around %d", test.limit, test.at), contents(got.Messages), contents(all[test.from:test.to]))
			if got.HasPrev != (test.from > 0) || got.HasNext != (test.to < 7) || got.Cursor != f.read(f.owner, id).Cursor() {
				f.Errorf("%d around %d: prev %t, next %t, cursor %+v", test.limit, test.at, got.HasPrev, got.HasNext, got.Cursor)
			}
		}
	}
	f.refuses(db.CodeNotFound)(f.repo.MessagesAround(f.ctx, f.owner, id, db.Place{MessageID: other.ID}, 3))
}

func testMessagesByID(f *fixture) {
	id := f.chat()
	mine, theirs := f.send(f.mia, id, "text").Message, f.send(f.owner, f.ownChat("Other"), "secret").Message
	got, err := f.repo.MessagesByID(f.ctx, f.mia, []string{mine.ID, theirs.ID, db.NewID()})
	f.ok(err)
	f.same("mia's", got, map[string]*db.Message{mine.ID: mine})
}

func testReplyTo(f *fixture) {
	id := f.chat()
	first := f.send(f.mia, id, "question").Message
	answer := newMessage(id, "answer")
	answer.ReplyTo = &first.ID
	sent := f.must(f.repo.SendMessage(f.ctx, f.owner, answer))
	f.same("replyTo", sent.Message.ReplyTo, first.ID)
	f.same("repeat", f.repeats(f.repo.SendMessage(f.ctx, f.owner, answer)), sent)
	f.same("read", f.read(f.mia, id).LastMessage, sent.Message)
	bare := answer
	bare.ReplyTo = nil
	f.refuses(db.CodeConflict)(f.repo.SendMessage(f.ctx, f.owner, bare))
	elsewhere := f.send(f.owner, f.ownChat("Other"), "elsewhere").Message.ID
	head := f.read(f.mia, id).HeadSeq
	for _, to := range []string{elsewhere, db.NewID(), id} {
		wrong := newMessage(id, "answer")
		wrong.ReplyTo = &to
		f.refuses(db.CodeNotFound)(f.repo.SendMessage(f.ctx, f.owner, wrong))
	}
	itself := newMessage(id, "answer")
	itself.ReplyTo = &itself.ID
	f.refuses(db.CodeNotFound)(f.repo.SendMessage(f.ctx, f.owner, itself))
	if now := f.read(f.mia, id).HeadSeq; now != head {
		f.Errorf("refused answers moved the chat from %d to %d", head, now)
	}
}
