package hub

import (
	"testing"
	"testing/synctest"
	"time"

	"studychat/db"
	"studychat/events"
)

// TestFeedOfANewcomer: a new member is told of their joining first, and of nothing before it, whatever the chat's age; live,
// and after coming back from a cursor of before.
func TestFeedOfANewcomer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason string
		do     func(r *fakeLog)
		want   string
	}{
		{"a fresh chat", func(r *fakeLog) {
			r.create("group", "ann")
			r.send("group", "ann", "before")
			r.add("group", "ann", "bob")
			r.send("group", "ann", "after")
		}, "group:3 group:4"},
		{"an old chat", func(r *fakeLog) {
			r.create("group", "ann")
			r.send("group", "ann", "before")
			sleep(time.Hour)
			r.add("group", "ann", "bob")
		}, "group:3"},
		{"a chat of one's own", func(r *fakeLog) {
			r.create("group", "bob")
			r.send("group", "bob", "after")
		}, "group:1 group:2"},
		{"a user who was added again gets both memberships, and nothing between them", func(r *fakeLog) {
			r.create("group", "ann", "bob")
			r.remove("group", "ann", "bob")
			r.send("group", "ann", "between")
			r.add("group", "ann", "bob")
			r.send("group", "ann", "after")
		}, "group:1 group:2 group:4 group:5"},
		{"a visit", func(r *fakeLog) {
			r.create("group", "ann")
			r.add("group", "ann", "bob")
			r.send("group", "ann", "during")
			r.remove("group", "ann", "bob")
			r.send("group", "ann", "after")
		}, "group:2 group:3 group:4"},
		{"the joining is not kept any more: what is missing is said", func(r *fakeLog) {
			r.create("group", "ann")
			r.add("group", "ann", "bob")
			r.send("group", "ann", "pruned")
			r.send("group", "ann", "kept")
			r.prune("group", 3)
		}, "group:EXPIRED group:4"},
		{"what is pruned was before the joining", func(r *fakeLog) {
			r.create("group", "ann")
			r.send("group", "ann", "pruned")
			r.add("group", "ann", "bob")
			r.prune("group", 2)
		}, "group:3"},
	} {
		for _, resumed := range []bool{false, true} {
			t.Run(c.reason, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					repo := newFakeLog()
					h := startHub(t, repo, events.NewMemoryBus())
					s := feed(t, h, "bob", nil)
					cursor := db.FeedCursor{User: "bob", Epoch: 1, At: now()}
					if resumed {
						c.do(repo)
						sleep(time.Hour)
						s = feed(t, h, "bob", &cursor)
					} else {
						c.do(repo)
					}
					expectFeed(t, s, c.want)
				})
			})
		}
	}
}

// TestFeedTellsExMembersNothing: once somebody was told of their removal, their feed tells nothing of the chat, however it
// continues; and a former member who did not know it yet gets the removal alone.
func TestFeedTellsExMembersNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason string
		later  func(r *fakeLog)
		owed   string // to a user who did not know it yet
	}{
		{"the chat is deleted", func(r *fakeLog) { r.delete("group", "ann") }, "group:4"},
		{"the chat goes on and is pruned", func(r *fakeLog) {
			r.send("group", "ann", "secret")
			r.prune("group", 4)
		}, "group:4"},
		{"the chat is pruned to its end", func(r *fakeLog) {
			r.send("group", "ann", "secret")
			r.prune("group", r.headSeq("group"))
		}, "group:4"},
		{"somebody joins", func(r *fakeLog) { r.add("group", "ann", "cid") }, "group:3 group:4"},
	} {
		for name, want := range map[string]string{"told": "", "not told": c.owed, "live": "", "live, and behind": c.owed} {
			t.Run(c.reason+", "+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					repo := newFakeLog()
					h := startHub(t, repo, events.NewMemoryBus())
					repo.create("group", "ann", "bob")
					repo.send("group", "ann", "hi")
					sleep(time.Hour)
					s := feed(t, h, "bob", nil)
					cursor := db.FeedCursor{User: "bob", Epoch: 1, At: now()}
					repo.send("group", "ann", "the last that bob may see")
					repo.remove("group", "ann", "bob")
					switch name {
					case "told":
						sleep(time.Hour)
						cursor.At = now()
						c.later(repo)
						sleep(time.Hour)
						s = feed(t, h, "bob", &cursor)
					case "not told":
						c.later(repo)
						sleep(time.Hour)
						s = feed(t, h, "bob", &cursor)
					case "live":
						expectFeed(t, s, "group:3 group:4")
						c.later(repo)
					case "live, and behind":
						c.later(repo)
					}
					expectFeed(t, s, want)
					repo.add("group", "ann", "dan")
					idle(t, s, 3*db.FeedOverlap)
				})
			})
		}
	}
}
