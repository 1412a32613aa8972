package dbtest

import (
	"context"
	"reflect"

	"studychat/db"
)

// testStrangers calls every method that answers for one chat or message as everyone who may not know of it. All have to
// get the same words: anything else would tell them whether it is there.
func testStrangers(f *fixture) {
	stranger, left, removed := user("stranger"), user("left"), user("removed")
	chat, deleted := f.chat(), f.chat()
	for _, id := range []string{chat, deleted} {
		f.must(f.repo.AddMember(f.ctx, f.owner, id, left))
		f.must(f.repo.AddMember(f.ctx, f.owner, id, removed))
	}
	message, lost := f.send(f.mia, chat, "text").Message.ID, f.send(f.mia, deleted, "text").Message.ID
	theirs := f.send(left, chat, "by one who left").Message.ID
	f.must(f.repo.LeaveChat(f.ctx, left, chat))
	f.must(f.repo.RemoveMember(f.ctx, f.owner, chat, removed))
	f.must(f.repo.RemoveMember(f.ctx, f.owner, deleted, removed))
	f.must(f.repo.DeleteChat(f.ctx, f.owner, deleted))
	methods := methodsOfOneChat(f.ctx, f.repo)
	for method := range reflect.TypeFor[db.Writes]().Methods() {
		if tells := method.Type.Out(0) == reflect.TypeFor[*db.Event](); tells && methods[method.Name] == nil && method.Name != "CreateChat" {
			f.Errorf("%s writes to a chat: add it to methodsOfOneChat", method.Name)
		}
	}
	before := f.log(chat)
	for _, who := range []struct {
		reason, viewer, chat, message string
	}{
		{"a stranger", stranger, chat, message},
		{"one who left", left, chat, message},
		{"one who left, with an own message", left, chat, theirs},
		{"one who was removed", removed, chat, message},
		{"a member of a deleted chat", f.mia, deleted, lost},
		{"one who was removed from a deleted chat", removed, deleted, lost},
		{"a stranger to a deleted chat", stranger, deleted, lost},
		{"anyone, with ids that never were", f.mia, db.NewID(), db.NewID()},
	} {
		for name, call := range methods {
			ofDeleted := who.chat == deleted && who.viewer == f.mia
			if ofDeleted && name == "Head" {
				continue // who was a member until the end may know how the log ended
			}
			want := "NOT_FOUND: There is no such chat."
			if ofMessage(name) {
				want = "NOT_FOUND: There is no such message."
			}
			if err := call(who.viewer, who.chat, who.message); err == nil || err.Error() != want {
				f.Errorf("%s by %s: got %v, want %q", name, who.reason, err, want)
			}
		}
	}
	f.same("nothing was written", f.log(chat), before)
}

func ofMessage(method string) bool {
	return method == "MessagesByID" || method == "EditMessage" || method == "DeleteMessage"
}

func methodsOfOneChat(ctx context.Context, repo db.Repository) map[string]func(viewer, chat, message string) error {
	return map[string]func(viewer, chat, message string) error{
		"Chat": func(viewer, chat, _ string) error {
			return errorOf(repo.Chat(ctx, viewer, chat))
		},
		"RenameChat": func(viewer, chat, _ string) error {
			return errorOf(repo.RenameChat(ctx, viewer, chat, "theirs"))
		},
		"DeleteChat": func(viewer, chat, _ string) error {
			return errorOf(repo.DeleteChat(ctx, viewer, chat))
		},
		"MessagesByID": func(viewer, _, message string) error {
			return errorOf(readMessage(ctx, repo, viewer, message))
		},
		"SendMessage": func(viewer, chat, _ string) error {
			return errorOf(repo.SendMessage(ctx, viewer, newMessage(chat, "theirs")))
		},
		"EditMessage": func(viewer, _, message string) error {
			return errorOf(repo.EditMessage(ctx, viewer, message, "theirs"))
		},
		"DeleteMessage": func(viewer, _, message string) error {
			return errorOf(repo.DeleteMessage(ctx, viewer, message))
		},
		"AddMember": func(viewer, chat, _ string) error {
			return errorOf(repo.AddMember(ctx, viewer, chat, viewer))
		},
		"RemoveMember": func(viewer, chat, _ string) error {
			return errorOf(repo.RemoveMember(ctx, viewer, chat, user("other")))
		},
		"AddKnownMember": func(viewer, chat, _ string) error {
			return errorOf(repo.AddKnownMember(ctx, viewer, chat, viewer))
		},
		"TransferChat": func(viewer, chat, _ string) error {
			return errorOf(repo.TransferChat(ctx, viewer, chat, viewer))
		},
		"UpdateViewerState": func(viewer, chat, _ string) error {
			return repo.UpdateViewerState(ctx, viewer, chat, db.ViewerStateChange{Pinned: new(true)})
		},
		"MessagesAround": func(viewer, chat, message string) error {
			return errorOf(repo.MessagesAround(ctx, viewer, chat, db.Place{MessageID: message}, 10))
		},
		"LeaveChat": func(viewer, chat, _ string) error {
			return errorOf(repo.LeaveChat(ctx, viewer, chat))
		},
		"MarkRead": func(viewer, chat, _ string) error {
			_, _, err := repo.MarkRead(ctx, viewer, chat, 1)
			return err
		},
		"Head": func(viewer, chat, _ string) error {
			return errorOf(repo.Head(ctx, viewer, chat))
		},
	}
}

// testStrangersInLists asks for chats that are not there along with one that is: they are absent, without an error.
func testStrangersInLists(f *fixture) {
	mine, notMine, left, deleted := f.chat(), f.ownChat("not mine"), f.chat(), f.chat()
	f.must(f.repo.LeaveChat(f.ctx, f.mia, left))
	f.must(f.repo.DeleteChat(f.ctx, f.owner, deleted))
	asked := []string{notMine, mine, left, deleted, db.NewID()}
	states, err := f.repo.ViewerStates(f.ctx, f.mia, asked)
	f.ok(err)
	f.same("states", states, map[string]db.ViewerState{mine: {ChatID: mine, UserID: f.mia, Role: db.RoleMember}})
	lists, err := f.repo.Messages(f.ctx, f.mia, asked, db.Page{Limit: 1})
	f.ok(err)
	if len(lists) != 1 || lists[mine] == nil {
		f.Errorf("messages of %d chats", len(lists))
	}
	chats, err := f.repo.Chats(f.ctx, f.mia, nil, db.Page{Limit: 10})
	f.ok(err)
	f.same("chats", ids(chats.Chats), []string{mine})
	heads, err := f.repo.FeedHeads(f.ctx, f.mia, nil)
	f.ok(err)
	if len(heads) != 1 || heads[0].ChatID != mine {
		f.Errorf("the feed has %+v", heads)
	}
	none, err := f.repo.Messages(f.ctx, user("stranger"), asked, db.Page{Limit: 1})
	f.ok(err)
	if len(none) != 0 {
		f.Errorf("a stranger got messages of %d chats", len(none))
	}
}
