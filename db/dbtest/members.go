package dbtest

import (
	"slices"
	"time"

	"studychat/db"
)

func testAddMember(f *fixture) {
	id := f.ownChat("A chat")
	event := f.must(f.repo.AddMember(f.ctx, f.owner, id, f.mia))
	f.same("event", event, &db.Event{
		ChatID: id, Seq: 2, Epoch: event.Epoch, Kind: db.MemberAdded, Actor: f.owner, At: event.At,
		Member: &db.Member{UserID: f.mia, Role: db.RoleMember, JoinedAt: event.At},
	})
	f.same("member", f.read(f.mia, id).Member(f.mia), event.Member)
	f.same("repeat", f.repeats(f.repo.AddMember(f.ctx, f.owner, id, f.mia)).Member, event.Member)
	self := f.repeats(f.repo.AddMember(f.ctx, f.owner, id, f.owner))
	if self.Member.Role != db.RoleOwner {
		f.Errorf("adding the owner says %+v", self.Member)
	}
	f.refuses(db.CodeForbidden)(f.repo.AddMember(f.ctx, f.mia, id, user("third")))
	f.refuses(db.CodeForbidden)(f.repo.AddMember(f.ctx, f.mia, id, f.owner))
}

func testAddMemberLimit(f *fixture) {
	id := f.chat()
	const added = 3 // by AddMember, up to the limit
	var members []*db.Member
	for range db.MaxMembers - 2 - added {
		members = append(members, &db.Member{ChatID: id, UserID: user("member"), Role: db.RoleMember, JoinedAt: time.Now(), JoinedSeq: 2})
	}
	f.ok(f.fill(f.ctx, members))
	for range added {
		f.must(f.repo.AddMember(f.ctx, f.owner, id, user("fits")))
	}
	f.refuses(db.CodeConflict)(f.repo.AddMember(f.ctx, f.owner, id, user("one too many")))
	f.repeats(f.repo.AddMember(f.ctx, f.owner, id, f.mia)) // nothing to do is no conflict
	if n := len(f.read(f.mia, id).Members); n != db.MaxMembers {
		f.Errorf("the chat has %d members", n)
	}
	f.must(f.repo.RemoveMember(f.ctx, f.owner, id, f.mia))
	f.must(f.repo.AddMember(f.ctx, f.owner, id, user("fits now")))
}

func testRemoveMember(f *fixture) {
	id := f.chat()
	third := user("third")
	f.must(f.repo.AddMember(f.ctx, f.owner, id, third))
	for reason, call := range map[string][2]string{
		"a member is not the owner":          {f.mia, third},
		"not even for oneself: LeaveChat is": {f.mia, f.mia},
		"a member cannot remove the owner":   {f.mia, f.owner},
		"the owner stays":                    {f.owner, f.owner},
	} {
		if _, err := f.repo.RemoveMember(f.ctx, call[0], id, call[1]); db.CodeOf(err) != db.CodeForbidden {
			f.Errorf("%s: got %v, want FORBIDDEN", reason, err)
		}
	}
	event := f.must(f.repo.RemoveMember(f.ctx, f.owner, id, f.mia))
	if event.Kind != db.MemberRemoved || event.Seq != 4 || event.Actor != f.owner || event.Member.UserID != f.mia || !event.Ends(f.mia) || event.Ends(third) {
		f.Errorf("the event is %+v", event)
	}
	if again := f.repeats(f.repo.RemoveMember(f.ctx, f.owner, id, f.mia)); again.Member.UserID != f.mia || again.Seq != 4 {
		f.Errorf("the repeat is %+v", again)
	}
	f.same("members", users(f.read(third, id).Members), []string{f.owner, third})
	f.refuses(db.CodeNotFound)(f.repo.Chat(f.ctx, f.mia, id))
	f.must(f.repo.AddMember(f.ctx, f.owner, id, f.mia))
	f.same("back again, at the end", users(f.read(f.mia, id).Members), []string{f.owner, third, f.mia})
}

func testLeaveChat(f *fixture) {
	id := f.chat()
	f.refuses(db.CodeForbidden)(f.repo.LeaveChat(f.ctx, f.owner, id))
	event := f.must(f.repo.LeaveChat(f.ctx, f.mia, id))
	if event.Kind != db.MemberRemoved || event.Actor != f.mia || event.Member.UserID != f.mia || !event.Ends(f.mia) {
		f.Errorf("the event is %+v", event)
	}
	f.refuses(db.CodeNotFound)(f.repo.LeaveChat(f.ctx, f.mia, id))
	f.same("members", users(f.read(f.owner, id).Members), []string{f.owner})
}

// testMemberOrder uses names whose order differs between bytes and languages: it must not depend on a collation.
func testMemberOrder(f *fixture) {
	id := f.ownChat("A chat")
	want := []string{f.owner}
	for _, name := range []string{"b", "B", "a", "Z", "ä", "_", "é"} {
		name = user(name)
		f.must(f.repo.AddMember(f.ctx, f.owner, id, name))
		want = append(want, name)
	}
	members := f.read(f.owner, id).Members
	f.same("by time of joining", users(members), want)
	if !slices.IsSortedFunc(members, func(a, b *db.Member) int { return a.JoinedAt.Compare(b.JoinedAt) }) {
		f.Error("members are not by time of joining")
	}
}

func testMarkRead(f *fixture) {
	id := f.chat()
	for range 3 {
		f.send(f.owner, id, "text")
	}
	before := f.read(f.mia, id)
	for _, step := range []struct {
		reason string
		seq    int64
		want   int64
		moved  bool
	}{
		{"forward", 3, 3, true},
		{"the same again", 3, 3, false},
		{"never back", 2, 3, false},
		{"not behind the end", 1_000_000, 5, true},
		{"still not", 1_000_000, 5, false},
		{"nor to nonsense", -7, 5, false},
	} {
		got, moved, err := f.repo.MarkRead(f.ctx, f.mia, id, step.seq)
		f.ok(err)
		if got != step.want || moved != step.moved {
			f.Errorf("%s: the mark is at %d, moved %t", step.reason, got, moved)
		}
	}
	f.same("the chat has not noticed", f.read(f.mia, id), before)
	states, err := f.repo.ViewerStates(f.ctx, f.owner, []string{id})
	f.ok(err)
	if states[id].ReadSeq != 0 {
		f.Errorf("the owner's mark is at %d", states[id].ReadSeq)
	}
}

func testViewerStates(f *fixture) {
	id, empty, deleted := f.chat(), f.chat(), f.chat()
	first := f.send(f.owner, id, "1").Message // 3
	f.send(f.mia, id, "own")                  // 4
	second := f.send(f.owner, id, "2").Message
	f.send(f.owner, id, "3")
	f.must(f.repo.DeleteChat(f.ctx, f.owner, deleted))
	check := func(reason string, want db.ViewerState) {
		f.Helper()
		states, err := f.repo.ViewerStates(f.ctx, f.mia, []string{id, empty, deleted, db.NewID()})
		f.ok(err)
		want.ChatID, want.UserID = id, f.mia
		f.same(reason, states, map[string]db.ViewerState{id: want, empty: {ChatID: empty, UserID: f.mia, Role: db.RoleMember}})
	}
	check("all unread but her own", db.ViewerState{Role: db.RoleMember, UnreadCount: 3})
	f.must(f.repo.DeleteMessage(f.ctx, f.owner, second.ID))
	check("a deleted message needs no reading", db.ViewerState{Role: db.RoleMember, UnreadCount: 2})
	_, _, err := f.repo.MarkRead(f.ctx, f.mia, id, first.Seq)
	f.ok(err)
	check("what comes after the mark", db.ViewerState{Role: db.RoleMember, ReadSeq: first.Seq, UnreadCount: 1})
	states, err := f.repo.ViewerStates(f.ctx, f.owner, []string{id})
	f.ok(err)
	f.same("the owner's", states[id], db.ViewerState{ChatID: id, UserID: f.owner, Role: db.RoleOwner, UnreadCount: 1})
	none, err := f.repo.ViewerStates(f.ctx, f.mia, nil)
	f.ok(err)
	f.same("of no chat", none, map[string]db.ViewerState{})
}

// testViewerStatesWindow sends an unread message that is older than the window: it does not count.
func testViewerStatesWindow(f *fixture) {
	id := f.chat()
	for range db.UnreadWindow + 5 {
		f.send(f.owner, id, "theirs")
	}
	states, err := f.repo.ViewerStates(f.ctx, f.mia, []string{id})
	f.ok(err)
	if states[id].UnreadCount != db.UnreadWindow {
		f.Errorf("%d unread, want %d", states[id].UnreadCount, db.UnreadWindow)
	}
	for range 10 {
		f.send(f.mia, id, "own")
	}
	states, err = f.repo.ViewerStates(f.ctx, f.mia, []string{id})
	f.ok(err)
	if want := db.UnreadWindow - 10; states[id].UnreadCount != want {
		f.Errorf("%d unread among the newest %d, want %d", states[id].UnreadCount, db.UnreadWindow, want)
	}
}
