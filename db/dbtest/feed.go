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

// stood is what a standing says beside the head.
type stood struct {
	member  bool
	joined  int64
	removed int64 // number of the removal
}

// standing reads mia's standing and compares what is always so: the head, and the removal with what the write returned.
func standing(f *fixture, id string, place db.FeedPlace, removals ...*db.Event) stood {
	f.Helper()
	found, err := f.repo.Standing(f.ctx, f.mia, id, place)
	f.ok(err)
	heads, err := f.repo.Heads(f.ctx, []string{id})
	f.ok(err)
	head := heads[0]
	head.JoinedSeq, head.Member = found.JoinedSeq, found.Member
	f.same("head", found.Head, head)
	got := stood{member: found.Member, joined: found.JoinedSeq}
	if found.Removed != nil {
		got.removed = found.Removed.Seq
		for _, event := range removals {
			if event.Seq == got.removed {
				f.same("removal", found.Removed, event)
			}
		}
	}
	return got
}

// testStanding: from each place, a viewer finds the first membership that was not over there, and nobody else's.
func testStanding(f *fixture) {
	id := f.ownChat("A chat") // 1
	expect := func(reason string, got, want stood) {
		f.Helper()
		f.same(reason, got, want)
	}
	before := func(event *db.Event) db.FeedPlace { return db.FeedPlace{Since: event.At} }
	f.refuses(db.CodeNotFound)(f.repo.Standing(f.ctx, f.mia, db.NewID(), db.FeedPlace{}))
	expect("never a member", standing(f, id, db.FeedPlace{}), stood{})
	added := f.must(f.repo.AddMember(f.ctx, f.owner, id, f.mia)) // 2
	expect("a member", standing(f, id, db.FeedPlace{}), stood{member: true, joined: 2})
	first := f.must(f.repo.RemoveMember(f.ctx, f.owner, id, f.mia)) // 3
	expect("removed", standing(f, id, db.FeedPlace{}, first), stood{joined: 2, removed: 3})
	expect("from within the membership", standing(f, id, db.FeedPlace{Seq: 2}, first), stood{removed: 3})
	expect("from after it", standing(f, id, db.FeedPlace{Seq: 3}), stood{})
	f.send(f.owner, id, "text")                                  // 4
	again := f.must(f.repo.AddMember(f.ctx, f.owner, id, f.mia)) // 5
	expect("both memberships", standing(f, id, before(added), first), stood{member: true, joined: 2, removed: 3})
	expect("the second one", standing(f, id, db.FeedPlace{Since: first.At, Seq: 3}), stood{member: true, joined: 5})
	f.must(f.repo.TransferChat(f.ctx, f.owner, id, f.mia)) // 6, which is about mia too
	f.must(f.repo.TransferChat(f.ctx, f.mia, id, f.owner)) // 7
	last := f.must(f.repo.LeaveChat(f.ctx, f.mia, id))     // 8
	f.send(f.owner, id, "text")                            // 9
	expect("left", standing(f, id, before(again), last), stood{joined: 5, removed: 8})
	expect("left, from the beginning", standing(f, id, db.FeedPlace{}, first), stood{joined: 2, removed: 3})
	expect("left long before", standing(f, id, db.FeedPlace{Since: last.At.Add(time.Microsecond)}), stood{})
	f.must(f.repo.DeleteChat(f.ctx, f.owner, id))
	expect("deleted since", standing(f, id, db.FeedPlace{Since: first.At, Seq: 3}, last), stood{removed: 8})
	for _, viewer := range []string{f.owner, user("stranger")} {
		found, err := f.repo.Standing(f.ctx, viewer, id, db.FeedPlace{})
		f.ok(err)
		if found.Removed != nil || found.Member != (viewer == f.owner) {
			f.Errorf("%s has the standing %+v", viewer, found)
		}
	}
}

// testFeedStart: a feed begins with all that the viewer is in, and knows what has just ended.
func testFeedStart(f *fixture) {
	quiet, leftBefore := f.chat(), f.chat()
	f.must(f.repo.LeaveChat(f.ctx, f.mia, leftBefore))
	changed, left, deleted, notHers := f.chat(), f.chat(), f.chat(), f.ownChat("not hers")
	since := f.send(f.mia, changed, "text").At.Add(time.Microsecond)
	f.must(f.repo.LeaveChat(f.ctx, f.mia, left))
	f.must(f.repo.DeleteChat(f.ctx, f.owner, deleted))
	f.send(f.owner, leftBefore, "nothing to her")
	f.send(f.owner, notHers, "nothing to her")
	heads, err := f.repo.FeedStart(f.ctx, f.mia, since)
	f.ok(err)
	members := []string{}
	for _, head := range heads {
		switch {
		case head.Member && head.DeletedAt == nil:
			members = append(members, head.ChatID)
		case head.ChatID == left && !head.Member, head.ChatID == deleted && head.Member:
		default:
			f.Errorf("the head %+v", head)
		}
	}
	f.same("member of", sorted(members...), sorted(quiet, changed))
	if len(heads) != 4 {
		f.Errorf("%d heads", len(heads))
	}
}
