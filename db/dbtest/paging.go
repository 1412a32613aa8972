package dbtest

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"studychat/db"
)

// A page is checked against the plain definition: the window is what lies between the cursors, the page is its start or
// its end, and HasPrev and HasNext tell whether the list has anything before and after the page.

func model[T any](list []T, key func(T) db.Key, compare func(a, b db.Key) int, p db.Page) (page []T, hasPrev, hasNext bool) {
	from, to := 0, len(list)
	if p.After != nil {
		for from < len(list) && compare(key(list[from]), *p.After) <= 0 {
			from++
		}
	}
	if p.Before != nil {
		for to > 0 && compare(key(list[to-1]), *p.Before) >= 0 {
			to--
		}
	}
	if from > to { // the cursors exclude each other: an empty window, with rows beyond both
		return nil, p.After != nil && from > 0, p.Before != nil && to < len(list)
	}
	start, end := from, min(to, from+p.Limit)
	if p.Backward {
		start, end = max(from, to-p.Limit), to
	}
	return list[start:end], start > 0, end < len(list)
}

func compareChats(a, b db.Key) int {
	return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.ID, a.ID))
}

func compareMessages(a, b db.Key) int { return cmp.Compare(a.Seq, b.Seq) }

// pagesRaced is how many pages are read under the race detector: one goroutine reads them one after the other, so there is no race
// that only one of them has. make test reads all of them without the detector, in every store.
const pagesRaced = 60

// pages returns all combinations of limit, direction and cursors for a list with these keys, those of no row included; under the race
// detector some of them.
func pages(keys []db.Key) []db.Page {
	cursors := []*db.Key{nil}
	for i := range keys {
		cursors = append(cursors, &keys[i])
	}
	var all []db.Page
	for _, limit := range []int{0, 1, 2, 3, len(keys), db.MaxPage} {
		for _, backward := range []bool{false, true} {
			for _, after := range cursors {
				for _, before := range cursors {
					all = append(all, db.Page{Limit: limit, Backward: backward, After: after, Before: before})
				}
			}
		}
	}
	if raced {
		rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		all = all[:min(len(all), pagesRaced)]
	}
	return all
}

func describe(p db.Page) string {
	show := func(k *db.Key) string {
		if k == nil {
			return "-"
		}
		return fmt.Sprint(*k)
	}
	return fmt.Sprintf("limit %d, backward %t, after %s, before %s", p.Limit, p.Backward, show(p.After), show(p.Before))
}

// ChatPages checks every page of the viewer's chats against a model. It is exported for tests that arrange chats in
// ways that a Repository cannot, such as at the same microsecond.
func ChatPages(t testing.TB, ctx context.Context, repo db.Repository, viewer string, module *string, want []*db.Chat) {
	t.Helper()
	slices.SortFunc(want, func(a, b *db.Chat) int { return compareChats(db.ChatKey(a), db.ChatKey(b)) })
	var keys []db.Key
	for _, c := range want {
		keys = append(keys, db.ChatKey(c))
	}
	nowhere := db.Key{At: keys[0].At.Add(time.Microsecond), ID: keys[0].ID} // a chat that has moved on since
	middle := db.Key{At: keys[len(keys)/2].At, ID: db.NewID()}
	for _, p := range pages(append(keys, nowhere, middle)) {
		got, err := repo.Chats(ctx, viewer, module, p)
		if err != nil {
			t.Fatalf("%s: %v", describe(p), err)
		}
		page, hasPrev, hasNext := model(want, db.ChatKey, compareChats, p)
		if !slices.Equal(ids(got.Chats), ids(page)) || got.HasPrev != hasPrev || got.HasNext != hasNext {
			t.Fatalf("%s:\n got %v prev %t next %t\nwant %v prev %t next %t",
				describe(p), ids(got.Chats), got.HasPrev, got.HasNext, ids(page), hasPrev, hasNext)
		}
	}
}

func testChatPages(f *fixture) {
	var want []*db.Chat
	for i := range 4 {
		want = append(want, f.read(f.owner, f.ownChat(fmt.Sprint("chat ", i))))
	}
	ChatPages(f, f.ctx, f.repo, f.owner, nil, want)
}

func testChatPagesOfModule(f *fixture) {
	module, other := f.module(), f.module()
	var want []*db.Chat
	for i := range 6 {
		chat := db.NewChat{ID: db.NewID(), Title: "chat", ModuleID: []*string{&module, &other, nil}[i%3]}
		f.must(f.repo.CreateChat(f.ctx, f.owner, chat))
		if i%3 == 0 {
			want = append(want, f.read(f.owner, chat.ID))
		}
	}
	ChatPages(f, f.ctx, f.repo, f.owner, &module, want)
}

func testMessagePages(f *fixture) {
	id := f.chat()
	random := rand.New(rand.NewPCG(seed(f), 0))
	var want []*db.Message
	for len(want) < 5 { // other events make gaps between the messages' numbers
		if random.IntN(2) == 0 {
			f.must(f.repo.RenameChat(f.ctx, f.owner, id, db.NewID()))
		}
		want = append(want, f.send(f.mia, id, fmt.Sprint(len(want))).Message)
	}
	keys := []db.Key{{Seq: 0}, {Seq: want[4].Seq + 5}}
	for _, m := range want {
		keys = append(keys, db.MessageKey(m))
	}
	for _, p := range pages(keys) {
		lists, err := f.repo.Messages(f.ctx, f.mia, []string{id}, p)
		f.ok(err)
		got := lists[id]
		page, hasPrev, hasNext := model(want, db.MessageKey, compareMessages, p)
		if !slices.Equal(contents(got.Messages), contents(page)) || got.HasPrev != hasPrev || got.HasNext != hasNext {
			f.Fatalf("%s:\n got %v prev %t next %t\nwant %v prev %t next %t",
				describe(p), contents(got.Messages), got.HasPrev, got.HasNext, contents(page), hasPrev, hasNext)
		}
	}
}

func testMessagesOfManyChats(f *fixture) {
	var chats []string
	for i := range 4 { // with 0 to 3 messages
		chats = append(chats, f.chat())
		for j := range i {
			f.send(f.mia, chats[i], fmt.Sprintf("%d.%d", i, j))
		}
	}
	for _, backward := range []bool{false, true} {
		lists, err := f.repo.Messages(f.ctx, f.mia, append(chats, db.NewID()), db.Page{Limit: 2, Backward: backward})
		f.ok(err)
		if len(lists) != len(chats) {
			f.Fatalf("%d lists for %d chats", len(lists), len(chats))
		}
		f.same("none", contents(lists[chats[0]].Messages), []string{})
		f.same("one", contents(lists[chats[1]].Messages), []string{"1.0"})
		f.same("two", contents(lists[chats[2]].Messages), []string{"2.0", "2.1"})
		want := []string{"3.0", "3.1"}
		if backward {
			want = []string{"3.1", "3.2"}
		}
		f.same("three", contents(lists[chats[3]].Messages), want)
		for i, id := range chats {
			if got := lists[id]; got.HasNext != (i == 3 && !backward) || got.HasPrev != (i == 3 && backward) {
				f.Errorf("chat %d, backward %t: prev %t, next %t", i, backward, got.HasPrev, got.HasNext)
			}
		}
	}
}

func testMessagesCursor(f *fixture) {
	id := f.chat()
	f.send(f.mia, id, "text")
	f.must(f.repo.RenameChat(f.ctx, f.owner, id, "Other")) // the log goes on behind the last message
	lists, err := f.repo.Messages(f.ctx, f.mia, []string{id}, db.Page{Limit: 1})
	f.ok(err)
	if got, want := lists[id].Cursor, f.read(f.mia, id).Cursor(); got != want || got.Seq != 4 {
		f.Errorf("the page is at %v, the chat at %v", got, want)
	}
}
