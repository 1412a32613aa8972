package dbtest

import (
	"sync"

	"studychat/db"
)

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
