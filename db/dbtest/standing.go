package dbtest

import (
	"time"

	"studychat/db"
)

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
	_, err := f.repo.Standing(f.ctx, f.mia, db.NewID(), db.FeedPlace{})
	f.code(db.CodeNotFound, err)
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
