package dbtest

import (
	"cmp"
	"slices"
	"time"

	"studychat/db"
)

func headOf(chat *db.Chat) db.Head {
	return db.Head{ChatID: chat.ID, HeadSeq: chat.HeadSeq, FloorSeq: chat.FloorSeq, Epoch: chat.Epoch, LastAt: chat.LastAt}
}

func testHead(f *fixture) {
	id := f.chat()
	head, err := f.repo.Head(f.ctx, f.mia, id)
	f.ok(err)
	f.same("head", head, joinedAt(headOf(f.read(f.mia, id)), 2))
	event := f.must(f.repo.DeleteChat(f.ctx, f.owner, id))
	for i, member := range []string{f.owner, f.mia} {
		head, err = f.repo.Head(f.ctx, member, id)
		f.ok(err)
		f.same("head of the deleted chat", head, db.Head{
			ChatID: id, HeadSeq: event.Seq, FloorSeq: event.Seq - 1, Epoch: event.Epoch, LastAt: event.At, DeletedAt: &event.At, JoinedSeq: int64(i + 1), Member: true,
		})
	}
}

func joinedAt(head db.Head, seq int64) db.Head {
	head.JoinedSeq, head.Member = seq, seq > 0
	return head
}

func sortHeads(heads []db.Head) []db.Head {
	slices.SortFunc(heads, func(a, b db.Head) int { return cmp.Compare(a.ChatID, b.ChatID) })
	return heads
}

func testHeads(f *fixture) {
	a, b := f.chat(), f.chat()
	gone := f.must(f.repo.DeleteChat(f.ctx, f.owner, b))
	got, err := f.repo.Heads(f.ctx, []string{a, db.NewID(), b})
	f.ok(err)
	f.same("heads", sortHeads(got), sortHeads([]db.Head{headOf(f.read(f.mia, a)), {
		ChatID: b, HeadSeq: gone.Seq, FloorSeq: gone.Seq - 1, Epoch: gone.Epoch, LastAt: gone.At, DeletedAt: &gone.At,
	}}))
	none, err := f.repo.Heads(f.ctx, nil)
	f.ok(err)
	if len(none) != 0 {
		f.Errorf("no chats have the heads %v", none)
	}
}

// testChanges makes every kind of event. Other tests may write to the same database meanwhile.
func testChanges(f *fixture) {
	id := f.chat()
	since := f.send(f.mia, id, "text").At
	epoch, err := f.repo.Epoch(f.ctx)
	f.ok(err)
	check := func(reason string, since time.Time, want int64) {
		f.Helper()
		changes, err := f.repo.Changes(f.ctx, since, 1000)
		f.ok(err)
		if got := changes.Heads[id]; got != want || changes.Epoch != epoch {
			f.Errorf("%s: got %d in epoch %d, want %d", reason, got, changes.Epoch, want)
		}
	}
	head := f.read(f.mia, id).HeadSeq
	check("at that very moment", since, head)
	check("later", since.Add(time.Microsecond), 0)
	message := f.send(f.mia, id, "text").Message.ID
	check("a message", since, head+1)
	found := func(event *db.Event) { check(string(event.Kind), event.At, event.Seq) }
	guest := user("guest")
	found(f.must(f.repo.EditMessage(f.ctx, f.mia, message, "other text")))
	found(f.must(f.repo.DeleteMessage(f.ctx, f.mia, message)))
	found(f.must(f.repo.RenameChat(f.ctx, f.owner, id, "Other")))
	found(f.must(f.repo.AddMember(f.ctx, f.owner, id, guest)))
	found(f.must(f.repo.RemoveMember(f.ctx, f.owner, id, guest)))
	found(f.must(f.repo.TransferChat(f.ctx, f.owner, id, f.mia)))
	found(f.must(f.repo.DeleteChat(f.ctx, f.mia, id)))
	some, err := f.repo.Changes(f.ctx, since, 1)
	f.ok(err)
	f.same("at most as many as were asked for", len(some.Heads), 1)
}

func feed(f *fixture, viewer string, since *time.Time) []string {
	f.Helper()
	heads, err := f.repo.FeedHeads(f.ctx, viewer, since)
	f.ok(err)
	return each(sortHeads(heads), func(h db.Head) string { return h.ChatID })
}

func sorted(list ...string) []string {
	slices.Sort(list)
	return append([]string{}, list...)
}

func testFeedHeads(f *fixture) {
	a, b, notHers := f.chat(), f.chat(), f.ownChat("not hers")
	f.same("feed", feed(f, f.mia, nil), sorted(a, b))
	f.same("the owner's", feed(f, f.owner, nil), sorted(a, b, notHers))
	f.must(f.repo.DeleteChat(f.ctx, f.owner, b))
	f.same("without the deleted chat", feed(f, f.mia, nil), sorted(a))
	heads, err := f.repo.FeedHeads(f.ctx, f.mia, nil)
	f.ok(err)
	f.same("head", heads, []db.Head{joinedAt(headOf(f.read(f.mia, a)), 2)})
}

func testFeedHeadsSince(f *fixture) {
	quiet := f.chat()
	leftBefore := f.chat()
	f.must(f.repo.LeaveChat(f.ctx, f.mia, leftBefore))
	changed, left, removed, deleted, leftThenDeleted := f.chat(), f.chat(), f.chat(), f.chat(), f.chat()
	since := f.send(f.mia, changed, "text").At // at or after: this very event counts
	after := since.Add(time.Microsecond)
	f.same("changed at that very moment", feed(f, f.mia, &since), sorted(changed))
	f.same("changed before", feed(f, f.mia, &after), sorted())
	f.must(f.repo.LeaveChat(f.ctx, f.mia, left))
	f.must(f.repo.RemoveMember(f.ctx, f.owner, removed, f.mia))
	f.must(f.repo.DeleteChat(f.ctx, f.owner, deleted))
	f.must(f.repo.LeaveChat(f.ctx, f.mia, leftThenDeleted))
	f.must(f.repo.DeleteChat(f.ctx, f.owner, leftThenDeleted))
	f.send(f.owner, leftBefore, "nothing to her")
	f.same("all that ended for her", feed(f, f.mia, &since), sorted(changed, left, removed, deleted, leftThenDeleted))
	f.same("without since", feed(f, f.mia, nil), sorted(quiet, changed))
	f.same("a stranger's", feed(f, user("stranger"), &since), sorted())
	f.must(f.repo.AddMember(f.ctx, f.owner, left, f.mia))
	f.same("back again, once", feed(f, f.mia, &since), sorted(changed, left, removed, deleted, leftThenDeleted))
}

// seqBefore is the number of the chat's newest event of before the time.
func seqBefore(f *fixture, id string, at time.Time) int64 {
	f.Helper()
	found, err := f.repo.Standing(f.ctx, f.owner, id, db.FeedPlace{Since: at})
	f.ok(err)
	return found.Before
}

func testSeqBefore(f *fixture) {
	id := f.chat()
	f.send(f.mia, id, "text")
	f.must(f.repo.RenameChat(f.ctx, f.owner, id, "Other"))
	f.send(f.mia, id, "text")
	events := f.log(id)
	check := func(reason string, at time.Time, want int64) {
		f.Helper()
		if got := seqBefore(f, id, at); got != want {
			f.Errorf("%s: got %d, want %d", reason, got, want)
		}
	}
	for _, e := range events {
		want := int64(0) // the newest event that is strictly older; events of one microsecond are alike
		for _, older := range events {
			if older.At.Before(e.At) {
				want = older.Seq
			}
		}
		check("before event "+string(e.Kind), e.At, want)
	}
	last := events[len(events)-1]
	check("after all", last.At.Add(time.Microsecond), last.Seq)
	check("before all", events[0].At.Add(-time.Hour), 0)
	deleted := f.must(f.repo.DeleteChat(f.ctx, f.owner, id))
	check("nothing kept", last.At, deleted.Seq-1)
	check("the deletion", deleted.At.Add(time.Microsecond), deleted.Seq)
	f.refuses(db.CodeNotFound)(f.repo.Standing(f.ctx, f.mia, db.NewID(), db.FeedPlace{Since: last.At}))
}

// testLogTellsEverything compares the log with what the writes have returned.
func testLogTellsEverything(f *fixture) {
	f.Helper()
	id := db.NewID()
	events := []*db.Event{f.must(f.repo.CreateChat(f.ctx, f.owner, db.NewChat{ID: id, Title: "First"}))}
	do := func(event *db.Event, err error) *db.Event {
		f.Helper()
		events = append(events, f.must(event, err))
		return event
	}
	do(f.repo.AddMember(f.ctx, f.owner, id, f.mia))
	sent := do(f.repo.SendMessage(f.ctx, f.mia, newMessage(id, "text")))
	do(f.repo.RenameChat(f.ctx, f.owner, id, "Second"))
	edited := do(f.repo.EditMessage(f.ctx, f.mia, sent.Message.ID, "edited"))
	other := do(f.repo.SendMessage(f.ctx, f.owner, newMessage(id, "other")))
	deleted := do(f.repo.DeleteMessage(f.ctx, f.owner, other.Message.ID))
	do(f.repo.LeaveChat(f.ctx, f.mia, id))
	do(f.repo.AddMember(f.ctx, f.owner, id, f.mia))
	do(f.repo.RemoveMember(f.ctx, f.owner, id, f.mia))
	log, err := f.repo.Log(f.ctx, id, 0, 100)
	f.ok(err)
	// On replay a message is as it is now.
	sentNow, otherNow := *sent, *other
	sentNow.Message, otherNow.Message = edited.Message, deleted.Message
	events[2], events[5] = &sentNow, &otherNow
	f.same("events", log.Events, events)
	f.same("head", log.Head, headOf(f.read(f.owner, id)))
	checkOrder(f, log.Events)
}

// checkOrder expects the numbers 1, 2, 3 … and times that never go back.
func checkOrder(f *fixture, events []*db.Event) {
	f.Helper()
	for i, e := range events {
		if e.Seq != int64(i+1) {
			f.Fatalf("event %d of the log has the number %d", i+1, e.Seq)
		}
		if i > 0 && e.At.Before(events[i-1].At) {
			f.Fatalf("event %d is of %s, the one before it of %s", e.Seq, e.At, events[i-1].At)
		}
	}
}

func testLogPages(f *fixture) {
	id := f.chat()
	for range 3 {
		f.send(f.mia, id, "text")
		f.must(f.repo.RenameChat(f.ctx, f.owner, id, db.NewID()))
	}
	all := f.log(id)
	checkOrder(f, all)
	for after := int64(0); after <= int64(len(all))+2; after++ {
		for limit := range len(all) + 2 {
			log, err := f.repo.Log(f.ctx, id, after, limit)
			f.ok(err)
			from := min(int(after), len(all))
			f.same("stretch", log.Events, all[from:min(from+limit, len(all))])
			if log.HeadSeq != int64(len(all)) || log.ChatID != id {
				f.Fatalf("the head is %+v", log.Head)
			}
		}
	}
	f.refuses(db.CodeNotFound)(f.repo.Log(f.ctx, db.NewID(), 0, 10))
}

func testLogMessagesAsTheyAre(f *fixture) {
	id := f.chat()
	sent := f.send(f.mia, id, "first")
	f.must(f.repo.EditMessage(f.ctx, f.mia, sent.Message.ID, "second"))
	now := f.must(f.repo.EditMessage(f.ctx, f.mia, sent.Message.ID, "third")).Message
	for after := range int64(5) { // also where the message itself is not in the stretch
		log, err := f.repo.Log(f.ctx, id, after, 100)
		f.ok(err)
		for _, e := range log.Events {
			if e.Seq >= sent.Seq {
				f.same("message", e.Message, now)
			}
		}
	}
	f.must(f.repo.DeleteMessage(f.ctx, f.mia, sent.Message.ID))
	for _, e := range f.log(id)[2:] {
		if e.Message.Content != "" || e.Message.DeletedAt == nil {
			f.Errorf("event %d still shows %+v", e.Seq, e.Message)
		}
	}
}

func testLogOfDeletedChat(f *fixture) {
	id := f.chat()
	f.send(f.mia, id, "text")
	f.must(f.repo.RemoveMember(f.ctx, f.owner, id, f.mia))
	event := f.must(f.repo.DeleteChat(f.ctx, f.owner, id))
	for after := range event.Seq {
		log, err := f.repo.Log(f.ctx, id, after, 100)
		f.ok(err)
		f.same("only the end", log.Events, []*db.Event{event})
		if log.FloorSeq != event.Seq-1 {
			f.Errorf("the floor is %d", log.FloorSeq)
		}
	}
	log, err := f.repo.Log(f.ctx, id, event.Seq, 100)
	f.ok(err)
	f.same("after the end", log.Events, []*db.Event{})
}

func testRepeatsTakeNoNumber(f *fixture) {
	id := f.chat()
	sent := newMessage(id, "text")
	f.must(f.repo.SendMessage(f.ctx, f.mia, sent))
	before := f.log(id)
	f.repeats(f.repo.SendMessage(f.ctx, f.mia, sent))
	f.repeats(f.repo.EditMessage(f.ctx, f.mia, sent.ID, "text"))
	f.repeats(f.repo.RenameChat(f.ctx, f.owner, id, "A chat"))
	f.repeats(f.repo.AddMember(f.ctx, f.owner, id, f.mia))
	f.repeats(f.repo.RemoveMember(f.ctx, f.owner, id, user("stranger")))
	f.same("log", f.log(id), before)
	if next := f.send(f.mia, id, "next"); next.Seq != int64(len(before))+1 {
		f.Errorf("the next event has the number %d after %d", next.Seq, len(before))
	}
}
