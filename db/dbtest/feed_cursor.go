package dbtest

import (
	"sync"
	"time"

	"studychat/db"
)

// toldAfter says whether a feed of the viewer that goes on from the cursor tells the event: it asks for the chats that
// changed at or after the cursor's time, and goes on in each after what happened before it.
func toldAfter(f *fixture, viewer string, cursor db.FeedCursor, event *db.Event) bool {
	f.Helper()
	heads, err := f.repo.FeedHeads(f.ctx, viewer, &cursor.At)
	f.ok(err)
	for _, head := range heads {
		if head.ChatID != event.ChatID {
			continue
		}
		return seqBefore(f, event.ChatID, cursor.At) < event.Seq && cursor.Epoch == event.Epoch
	}
	return false
}

// testChatsCursor: whatever is committed after a page was read is told by a feed that goes on from the page's cursor,
// whichever page it was.
func testChatsCursor(f *fixture) {
	none, err := f.repo.Chats(f.ctx, user("nobody"), nil, db.Page{Limit: 1})
	f.ok(err)
	module := f.module()
	modules := db.NewChat{ID: db.NewID(), Title: "Of a module", ModuleID: &module}
	f.must(f.repo.CreateChat(f.ctx, f.mia, modules))
	id := f.chat()
	key := db.ChatKey(f.read(f.mia, id))
	for reason, page := range map[string]db.Page{
		"the first page": {Limit: db.ChatPage}, "a short page": {Limit: 1}, "no row": {Limit: 0}, "the most": {Limit: db.MaxPage},
		"backward": {Limit: 2, Backward: true}, "a later page": {Limit: 2, After: &key}, "an earlier page": {Limit: 2, Before: &key},
	} {
		for _, narrow := range []*string{nil, &module} {
			list, err := f.repo.Chats(f.ctx, f.mia, narrow, page)
			f.ok(err)
			event := f.send(f.mia, id, "after the read")
			if !toldAfter(f, f.mia, list.Cursor, event) {
				f.Errorf("%s: from %+v the feed does not tell of %+v", reason, list.Cursor, event)
			}
			if parsed, err := db.ParseFeedCursor("after", list.EventCursor(), f.mia); err != nil || parsed != list.Cursor {
				f.Errorf("%s: the cursor %s is read as %+v, %v, want %+v", reason, list.EventCursor(), parsed, err, list.Cursor)
			}
			if ago := time.Since(list.Cursor.At); ago > db.FeedOverlap+testTimeout {
				f.Errorf("%s: the cursor is of %s ago", reason, ago)
			}
		}
	}
	if none.Cursor.At.IsZero() || none.Cursor.Epoch < 1 {
		f.Errorf("a list without chats has the cursor %+v", none.Cursor)
	}
}

// testChatsCursorUnderWrites: of commits that are under way while a page is read, each is on the page or is told from the
// page's cursor.
func testChatsCursorUnderWrites(f *fixture) {
	id := f.chat()
	var writing sync.WaitGroup
	defer writing.Wait()
	done := make(chan struct{})
	writing.Go(func() {
		defer close(done)
		for range 30 {
			if _, err := f.repo.SendMessage(f.ctx, f.mia, newMessage(id, "text")); err != nil {
				f.Error(err)
				return
			}
		}
	})
	for going := true; going; {
		list, err := f.repo.Chats(f.ctx, f.mia, nil, db.Page{Limit: db.ChatPage})
		f.ok(err)
		select {
		case <-done:
			going = false
		default:
		}
		before := seqBefore(f, id, list.Cursor.At)
		if shown := list.Chats[0].HeadSeq; before > shown {
			f.Errorf("the page shows number %d, and its cursor %+v stands after %d", shown, list.Cursor, before)
		}
	}
}

// testJoinedSeq: a membership remembers which event made it.
func testJoinedSeq(f *fixture) {
	id := f.ownChat("A chat")
	joined := func(viewer string) int64 {
		f.Helper()
		head, err := f.repo.Head(f.ctx, viewer, id)
		f.ok(err)
		heads, err := f.repo.FeedHeads(f.ctx, viewer, &head.LastAt)
		f.ok(err)
		for _, h := range heads {
			if h.ChatID == id && h.JoinedSeq != head.JoinedSeq {
				f.Errorf("FeedHeads says %d, Head says %d", h.JoinedSeq, head.JoinedSeq)
			}
		}
		return head.JoinedSeq
	}
	if got := joined(f.owner); got != 1 {
		f.Errorf("the owner joined with %d", got)
	}
	f.send(f.owner, id, "text")
	for range 2 { // the second time it is another membership
		event := f.must(f.repo.AddMember(f.ctx, f.owner, id, f.mia))
		if got := joined(f.mia); got != event.Seq || event.Member.JoinedSeq != event.Seq {
			f.Errorf("mia joined with %d and %d, want %d", got, event.Member.JoinedSeq, event.Seq)
		}
		f.repeats(f.repo.AddMember(f.ctx, f.owner, id, f.mia))
		f.must(f.repo.LeaveChat(f.ctx, f.mia, id))
		heads, err := f.repo.FeedHeads(f.ctx, f.mia, &event.At)
		f.ok(err)
		if len(heads) != 1 || heads[0].JoinedSeq != 0 {
			f.Errorf("who left has the heads %+v", heads)
		}
	}
}
