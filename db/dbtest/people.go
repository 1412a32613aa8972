package dbtest

import (
	"time"

	"studychat/db"
)

// claims are what a token says that was issued so many seconds after some moment.
func claims(name, picture string, seconds int) db.Claims {
	at := time.Date(2026, 3, 1, 9, 30, seconds, 0, time.UTC)
	return db.Claims{Name: name, AvatarURL: picture, At: at}
}

func testSawUser(f *fixture) {
	id := user("sub")
	for _, step := range []struct {
		reason  string
		claims  db.Claims
		name    string
		picture string
	}{
		{"a token without a name", claims("", "", 1), id, ""},
		{"a token with a name", claims("Ann", "https://a.example/1.png", 2), "Ann", "https://a.example/1.png"},
		{"the same again", claims("Ann", "https://a.example/1.png", 3), "Ann", "https://a.example/1.png"},
		{"another name", claims("Ann B.", "https://a.example/1.png", 4), "Ann B.", "https://a.example/1.png"},
		{"an older token", claims("Ann", "", 2), "Ann B.", "https://a.example/1.png"},
		{"a newer token without either", claims("", "", 5), "Ann B.", "https://a.example/1.png"},
		{"a newer token that says the same", claims("Ann B.", "https://a.example/1.png", 9), "Ann B.", "https://a.example/1.png"},
		{"an older one, of another device", claims("Ann", "", 7), "Ann B.", "https://a.example/1.png"},
	} {
		got, err := f.repo.SawUser(f.ctx, id, step.claims)
		f.ok(err)
		f.wantUser(step.reason, got, id, step.name, step.picture)
		f.wantUser(step.reason+", read", f.user(id), id, step.name, step.picture)
	}
}

func testUpsertUser(f *fixture) {
	id, picture := user("sub"), "https://a.example/2.png"
	f.ok(f.repo.UpsertUser(f.ctx, db.User{ID: id, Name: "Written", AvatarURL: &picture}))
	f.wantUser("written", f.user(id), id, "Written", picture)
	_, err := f.repo.SawUser(f.ctx, id, claims("Token", "", 1))
	f.ok(err)
	f.wantUser("the first token says something new", f.user(id), id, "Token", picture)
	f.ok(f.repo.UpsertUser(f.ctx, db.User{ID: id, Name: "Written again"}))
	_, err = f.repo.SawUser(f.ctx, id, claims("Token", "", 2))
	f.ok(err)
	f.wantUser("the next token says nothing new", f.user(id), id, "Written again", "")
	for at, name := range []string{"", "Token", ""} {
		_, err = f.repo.SawUser(f.ctx, id, claims(name, "", 3+at))
		f.ok(err)
	}
	f.wantUser("tokens with the name of before, and without any", f.user(id), id, "Written again", "")
	none, err := f.repo.Users(f.ctx, []string{user("unknown")})
	f.ok(err)
	f.same("nobody", none, map[string]*db.User{})
}

func (f *fixture) user(id string) *db.User {
	f.Helper()
	users, err := f.repo.Users(f.ctx, []string{id, user("unknown")})
	f.ok(err)
	if len(users) != 1 {
		f.Fatalf("%d users, want one", len(users))
	}
	return users[id]
}

func (f *fixture) wantUser(reason string, got *db.User, id, name, picture string) {
	f.Helper()
	shown := ""
	if got != nil && got.AvatarURL != nil {
		shown = *got.AvatarURL
	}
	if got == nil || got.ID != id || got.Name != name || shown != picture {
		f.Fatalf("%s: got %+v with the picture %q, want %s %q %q", reason, got, shown, id, name, picture)
	}
}

func testSharedUsers(f *fixture) {
	f.chat()
	deleted, third, stranger := f.ownChat("deleted"), user("third"), user("stranger")
	f.must(f.repo.AddMember(f.ctx, f.owner, deleted, third))
	f.must(f.repo.DeleteChat(f.ctx, f.owner, deleted))
	got, err := f.repo.SharedUsers(f.ctx, f.owner, []string{f.owner, f.mia, third, stranger})
	f.ok(err)
	f.same("shared", got, map[string]bool{f.owner: true, f.mia: true, third: false, stranger: false})
}

func testAddKnownMember(f *fixture) {
	id, known, unknown := f.ownChat("A chat"), user("known"), user("unknown")
	_, err := f.repo.SawUser(f.ctx, known, claims("", "", 1))
	f.ok(err)
	f.must(f.repo.AddKnownMember(f.ctx, f.owner, id, known))
	f.refuses(db.CodeNotFound)(f.repo.AddKnownMember(f.ctx, f.owner, id, unknown))
	f.refuses(db.CodeForbidden)(f.repo.AddKnownMember(f.ctx, known, id, unknown))
	f.must(f.repo.AddMember(f.ctx, f.owner, id, unknown))
	f.repeats(f.repo.AddKnownMember(f.ctx, f.owner, id, unknown))
}

func testReadMarks(f *fixture) {
	id, other := f.chat(), f.ownChat("Other")
	_, _, err := f.repo.MarkRead(f.ctx, f.mia, id, 2)
	f.ok(err)
	got, err := f.repo.ReadMarks(f.ctx, f.mia, []string{id, other, db.NewID()})
	f.ok(err)
	f.same("marks of mia's chats", got, map[string]map[string]int64{id: {f.owner: 0, f.mia: 2}})
	f.must(f.repo.DeleteChat(f.ctx, f.owner, id))
	got, err = f.repo.ReadMarks(f.ctx, f.mia, []string{id})
	f.ok(err)
	f.same("of a deleted chat", got, map[string]map[string]int64{})
}

func testTransferChat(f *fixture) {
	id, third := f.chat(), user("third")
	f.refuses(db.CodeForbidden)(f.repo.TransferChat(f.ctx, f.mia, id, f.mia))
	f.refuses(db.CodeConflict)(f.repo.TransferChat(f.ctx, f.owner, id, third))
	joined := f.read(f.mia, id).Member(f.mia).JoinedAt
	event := f.must(f.repo.TransferChat(f.ctx, f.owner, id, f.mia))
	f.same("event", event, &db.Event{
		ChatID: id, Seq: 3, Epoch: event.Epoch, Kind: db.ChatTransferred, Actor: f.owner, At: event.At,
		Member: &db.Member{UserID: f.mia, Role: db.RoleOwner, JoinedAt: joined},
	})
	f.same("the log", f.log(id)[2], event)
	f.repeats(f.repo.TransferChat(f.ctx, f.owner, id, f.mia))
	chat := f.read(f.owner, id)
	if chat.Member(f.owner).Role != db.RoleMember || chat.Member(f.mia).Role != db.RoleOwner {
		f.Errorf("the members are %+v and %+v", chat.Member(f.owner), chat.Member(f.mia))
	}
	f.refuses(db.CodeForbidden)(f.repo.DeleteChat(f.ctx, f.owner, id))
	f.must(f.repo.LeaveChat(f.ctx, f.owner, id))
	f.must(f.repo.DeleteChat(f.ctx, f.mia, id))
}

func testUpdateViewerState(f *fixture) {
	id := f.chat()
	before := f.read(f.mia, id)
	until := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	on, off := true, false
	state := func() db.ViewerState {
		states, err := f.repo.ViewerStates(f.ctx, f.mia, []string{id})
		f.ok(err)
		return states[id]
	}
	change := func(c db.ViewerStateChange) { f.Helper(); f.ok(f.repo.UpdateViewerState(f.ctx, f.mia, id, c)) }
	change(db.ViewerStateChange{MutedUntil: &until, Pinned: &on})
	first := state()
	if first.MutedUntil == nil || !first.MutedUntil.Equal(until) || first.PinnedAt == nil || first.ArchivedAt != nil {
		f.Fatalf("muted and pinned: %+v", first)
	}
	change(db.ViewerStateChange{Pinned: &on, Archived: &on})
	second := state()
	if !second.PinnedAt.Equal(*first.PinnedAt) || second.ArchivedAt == nil || second.MutedUntil == nil {
		f.Fatalf("pinned again and archived: %+v", second)
	}
	change(db.ViewerStateChange{})
	f.same("nothing", state(), second)
	change(db.ViewerStateChange{MutedUntil: &time.Time{}, Pinned: &off, Archived: &off})
	if last := state(); last.MutedUntil != nil || last.PinnedAt != nil || last.ArchivedAt != nil {
		f.Fatalf("all taken back: %+v", last)
	}
	f.same("the chat has not noticed", f.read(f.mia, id), before)
}
