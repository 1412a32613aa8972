package sqlstore_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"studychat/db"
	"studychat/db/sqlstore"
)

// history is a chat whose events can be made old.
type history struct {
	*guarded
	t *testing.T
}

func openHistory(t *testing.T, url string) history { return history{openGuarded(t, url), t} }

// exec arranges what a Repository cannot.
func (h history) exec(statement string, args ...any) {
	h.t.Helper()
	if _, err := h.Bun().NewRaw(statement, args...).Exec(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

// say sends a message and returns it.
func (h history) say(content string) *db.Message {
	h.t.Helper()
	event, err := h.SendMessage(h.t.Context(), "owner", db.NewMessage{ID: db.NewID(), ChatID: h.chat, Role: db.RoleUser, Content: content})
	if err != nil {
		h.t.Fatal(err)
	}
	return event.Message
}

// age makes everything that has happened up to the number that much older.
func (h history) age(upTo int64, by time.Duration) {
	h.t.Helper()
	at := time.Now().UTC().Add(-by).Truncate(time.Microsecond)
	h.exec("UPDATE messages SET created_at = ? WHERE chat_id = ? AND seq <= ?", at, h.chat, upTo)
	h.exec("UPDATE chat_events SET created_at = ? WHERE chat_id = ? AND seq <= ?", at, h.chat, upTo)
}

// prune takes away what is older than a day.
func (h history) prune() sqlstore.PruneResult {
	h.t.Helper()
	result, err := h.Prune(h.t.Context(), dayAgo())
	if err != nil {
		h.t.Fatal(err)
	}
	return result
}

const day = 24 * time.Hour

func dayAgo() time.Time { return time.Now().Add(-day) }

// read returns the chat, after it was compared with its log and pages.
func (h history) read() *db.Chat {
	h.t.Helper()
	chat, err := h.Chat(h.t.Context(), "owner", h.chat)
	if err != nil {
		h.t.Fatal(err)
	}
	log, err := h.Log(h.t.Context(), h.chat, 0, 10_000)
	if err != nil {
		h.t.Fatal(err)
	}
	if int64(len(log.Events)) != chat.HeadSeq-chat.FloorSeq {
		h.t.Errorf("the log has %d events between %d and %d", len(log.Events), chat.FloorSeq, chat.HeadSeq)
	}
	for i, event := range log.Events {
		if event.Seq != chat.FloorSeq+int64(i)+1 {
			h.t.Fatalf("event %d is number %d above the floor %d", i, event.Seq, chat.FloorSeq)
		}
		ofMessage := event.Kind == db.MessageSent || event.Kind == db.MessageEdited || event.Kind == db.MessageDeleted
		if ofMessage && event.Message == nil {
			h.t.Fatalf("%+v has lost its message", event)
		}
	}
	return chat
}

// rows counts what is stored of the chat.
func (h history) rows(table string) int {
	h.t.Helper()
	n, err := h.Bun().NewSelect().TableExpr("?", bun.Ident(table)).Where("chat_id = ?", h.chat).Count(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return int(n)
}

func TestPrune(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		h := openHistory(t, url)
		old := h.say("an old secret") // 2
		if _, err := h.RenameChat(t.Context(), "owner", h.chat, "Another old secret"); err != nil {
			t.Fatal(err)
		}
		if _, err := h.RenameChat(t.Context(), "owner", h.chat, "Now"); err != nil { // 4
			t.Fatal(err)
		}
		h.age(4, 2*day)
		h.say("new") // 5
		h.spy.reset()

		result := h.prune()
		if result != (sqlstore.PruneResult{Chats: 1, Messages: 1, Events: 3}) {
			t.Errorf("pruned %+v", result)
		}
		if counted := h.Stats().Pruned.Load(); counted != 4 {
			t.Errorf("%d rows are counted as pruned", counted)
		}
		h.spy.expect(t, "one step", committed...)
		if got := h.spy.writes[0]; got.ChatID != h.chat || !slices.Equal(got.Members, []string{"owner"}) {
			t.Errorf("the guard was told %+v", got)
		}
		chat := h.read()
		if chat.FloorSeq != 4 || chat.HeadSeq != 5 || chat.Title != "Now" || chat.LastMessage.Content != "new" ||
			len(chat.Newest.Messages) != 1 || !chat.Newest.Whole {
			t.Errorf("the chat reads %+v, %+v", chat, chat.Newest)
		}
		lists, err := h.Messages(t.Context(), "owner", []string{h.chat}, db.Page{Limit: 10, Before: &db.Key{Seq: 5}, Backward: true})
		if list := lists[h.chat]; err != nil || len(list.Messages) != 0 || list.HasPrev || !list.HasNext {
			t.Errorf("before the oldest message: %+v, %v", list, err)
		}
		if found, err := h.MessagesByID(t.Context(), "owner", []string{old.ID}); err != nil || len(found) != 0 {
			t.Errorf("the old message reads: %v, %v", found, err)
		}
		if _, err := h.EditMessage(t.Context(), "owner", old.ID, "again"); db.CodeOf(err) != db.CodeNotFound {
			t.Errorf("the old message can be edited: %v", err)
		}
		h.wantGone("old secret")

		h.spy.reset()
		if again := h.prune(); again != (sqlstore.PruneResult{}) {
			t.Errorf("the next run did %+v", again)
		}
		h.spy.expect(t, "nothing to do")
	})
}

// wantFloor says up to where the log is not kept, and that a feed is told so: what is gone happened before a day ago.
func (h history) wantFloor(seq int64) {
	h.t.Helper()
	found, err := h.Standing(h.t.Context(), "owner", h.chat, db.FeedPlace{Since: time.Now()})
	if err != nil {
		h.t.Fatal(err)
	}
	if found.FloorSeq != seq || found.Before < seq || found.FloorAt == nil || time.Since(*found.FloorAt).Round(time.Minute) != day {
		h.t.Errorf("%+v, before %v", found, found.FloorAt)
	}
}

// wantGone says that no row of any table holds the text.
func (h history) wantGone(text string) {
	h.t.Helper()
	for _, where := range []struct{ table, column bun.Ident }{{"messages", "content"}, {"chat_events", "payload"}, {"chats", "title"}} {
		n, err := h.Bun().NewSelect().TableExpr("?", where.table).Where("? LIKE ?", where.column, "%"+text+"%").Count(h.t.Context())
		if err != nil || n > 0 {
			h.t.Errorf("%d rows of %s hold %q, %v", n, where.table, text, err)
		}
	}
}

// TestPruneEverything: a chat whose whole history is old has no last message, and goes on with the next number.
func TestPruneEverything(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		h := openHistory(t, url)
		h.say("old")
		h.age(2, 2*day)
		h.prune()
		chat := h.read()
		if chat.FloorSeq != 2 || chat.HeadSeq != 2 || chat.LastMessage != nil || len(chat.Newest.Messages) != 0 || !chat.Newest.Whole {
			t.Errorf("the chat reads %+v, %+v", chat, chat.Newest)
		}
		list, err := h.Chats(t.Context(), "owner", nil, db.Page{Limit: 10})
		if err != nil || len(list.Chats) != 1 || list.Chats[0].LastMessage != nil {
			t.Errorf("the list reads %+v, %v", list, err)
		}
		h.wantFloor(2)
		if next := h.say("new"); next.Seq != 3 {
			t.Errorf("the next message is number %d", next.Seq)
		}
		if chat := h.read(); chat.LastMessage.Content != "new" {
			t.Errorf("the chat reads %+v", chat)
		}
		if again := h.prune(); again != (sqlstore.PruneResult{}) {
			t.Errorf("the next run did %+v", again)
		}
		h.wantFloor(2) // and since when has not changed
	})
}

// TestPruneKeepsChangedMessages: the edit of an old message is told as long as it is new, so the message is there, too.
func TestPruneKeepsChangedMessages(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		h := openHistory(t, url)
		edited, deleted := h.say("edited"), h.say("deleted") // 2, 3
		h.say("plain")                                       // 4
		h.age(4, 3*day)
		if _, err := h.EditMessage(t.Context(), "owner", edited.ID, "edited text"); err != nil { // 5
			t.Fatal(err)
		}
		if _, err := h.DeleteMessage(t.Context(), "owner", deleted.ID); err != nil { // 6
			t.Fatal(err)
		}
		h.prune()
		if chat := h.read(); chat.FloorSeq != 4 || len(chat.Newest.Messages) != 2 || chat.LastMessage.ID != deleted.ID {
			t.Errorf("the chat reads %+v, %+v", chat, chat.Newest)
		}
		if again := h.prune(); again.Messages+again.Events > 0 {
			t.Errorf("the next run did %+v", again)
		}

		at := time.Now().UTC().Add(-2 * day)
		h.exec("UPDATE messages SET edited_at = ? WHERE edited_at IS NOT NULL", at)
		h.exec("UPDATE chat_events SET created_at = ? WHERE seq = 5", at)
		h.prune()
		if chat := h.read(); chat.FloorSeq != 5 || len(chat.Newest.Messages) != 1 {
			t.Errorf("the chat reads %+v, %+v", chat, chat.Newest)
		}
		h.wantGone("edited text")
	})
}

// TestPruneRepeats: what a repeat finds once its first call was pruned.
func TestPruneRepeats(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		h := openHistory(t, url)
		message := db.NewMessage{ID: db.NewID(), ChatID: h.chat, Role: db.RoleUser, Content: "once"}
		if _, err := h.SendMessage(t.Context(), "owner", message); err != nil {
			t.Fatal(err)
		}
		h.age(2, 2*day)
		h.prune()
		event, err := h.CreateChat(t.Context(), "owner", db.NewChat{ID: h.chat, Title: "A chat"})
		if err != nil || !event.Repeated || event.Seq != 1 || event.Kind != db.ChatCreated || event.Epoch != 1 {
			t.Errorf("CreateChat again: %+v, %v", event, err)
		}
		module := "m"
		for who, chat := range map[string]db.NewChat{
			"mia":   {ID: h.chat, Title: "A chat"},
			"owner": {ID: h.chat, Title: "A chat", ModuleID: &module},
		} {
			if _, err := h.CreateChat(t.Context(), who, chat); db.CodeOf(err) != db.CodeConflict {
				t.Errorf("%s creates %+v: %v", who, chat, err)
			}
		}
		event, err = h.SendMessage(t.Context(), "owner", message)
		if err != nil || event.Repeated || event.Seq != 3 {
			t.Errorf("the repeat of a pruned send: %+v, %v; it is a new message", event, err)
		}
		if _, err := h.DeleteChat(t.Context(), "owner", h.chat); err != nil {
			t.Fatal(err)
		}
		if _, err := h.CreateChat(t.Context(), "owner", db.NewChat{ID: h.chat, Title: "A chat"}); db.CodeOf(err) != db.CodeConflict {
			t.Errorf("creating a deleted chat: %v", err)
		}
	})
}

// TestPruneBatches: however much is old, a transaction takes no more than it may, and the guard hears of each.
func TestPruneBatches(t *testing.T) {
	t.Parallel()
	costly(t, func(t *testing.T, url string) {
		counter := &counter{}
		store := openStore(t, url, sqlstore.OpenOptions{Hook: counter})
		h := history{&guarded{Store: store, spy: &spy{}}, t}
		h.chat = fillMessages(t, store, 3500)
		h.age(3501, 2*day)
		statements := counter.count(t, func() error {
			result, err := store.Prune(t.Context(), dayAgo())
			if result != (sqlstore.PruneResult{Chats: 1, Messages: 3500, Events: 1}) {
				t.Errorf("pruned %+v", result)
			}
			return err
		})
		if limit := int64(1 + 4*9); statements > limit {
			t.Errorf("%d statements, want at most %d: one to look, four batches", statements, limit)
		}
		if chat := h.read(); chat.FloorSeq != 3501 || chat.HeadSeq != 3501 {
			t.Errorf("the chat reads %+v", chat)
		}
	})
}

// fillMessages makes a chat of n messages in few statements.
func fillMessages(t *testing.T, store *sqlstore.Store, n int) string {
	t.Helper()
	id := db.NewID()
	if _, err := store.CreateChat(t.Context(), "owner", db.NewChat{ID: id, Title: "A chat"}); err != nil {
		t.Fatal(err)
	}
	messages := make([]*db.Message, n)
	for i := range messages {
		messages[i] = &db.Message{
			ID: db.NewID(), ChatID: id, Seq: int64(i) + 2, Author: "owner", Role: db.RoleUser, Content: "text",
			CreatedAt: time.Now().UTC().Truncate(time.Microsecond),
		}
	}
	for part := range slices.Chunk(messages, 500) {
		if _, err := store.Bun().NewInsert().Model(&part).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := store.Bun().NewRaw("UPDATE chats SET head_seq = ? WHERE id = ?", n+1, id).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	return id
}

// TestPruneGoesOn: a run that was cut off between two steps is finished by the next, though the floor is up already.
func TestPruneGoesOn(t *testing.T) {
	t.Parallel()
	costly(t, func(t *testing.T, url string) {
		spy := &spy{}
		store := openStore(t, url, sqlstore.OpenOptions{Guard: spy})
		h := history{&guarded{Store: store, spy: spy}, t}
		h.chat = fillMessages(t, store, 2500)
		h.age(2501, 2*day)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		spy.reset()
		spy.onFinish = func(db.Outcome) { cancel() }
		result, err := store.Prune(ctx, dayAgo())
		if err == nil || result.Messages != 1000 {
			t.Fatalf("cut off: %+v, %v", result, err)
		}
		spy.onFinish = nil
		if chat := h.read(); chat.FloorSeq != 2501 || chat.LastMessage == nil {
			t.Errorf("in between: %+v", chat)
		}
		if result := h.prune(); result.Messages != 1500 {
			t.Errorf("the next run did %+v", result)
		}
		if n := h.rows("messages") + h.rows("chat_events"); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

// TestPruneAgainstWriters prunes again and again, up to this very moment, while others write and read: the log above
// the floor stays whole, no acknowledged message is lost without being old, and nobody fails.
func TestPruneAgainstWriters(t *testing.T) {
	t.Parallel()
	costly(t, func(t *testing.T, url string) {
		h := openHistory(t, url)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		const writers, each = 4, 40
		var writing, rest sync.WaitGroup
		for w := range writers {
			writing.Go(func() {
				var last *db.Message
				for n := range each {
					if last != nil && n%4 == 0 {
						if _, err := h.EditMessage(ctx, "owner", last.ID, fmt.Sprint("edit ", n)); err != nil && db.CodeOf(err) != db.CodeNotFound {
							t.Error(err)
						}
					}
					event, err := h.SendMessage(ctx, "owner", db.NewMessage{ID: db.NewID(), ChatID: h.chat, Role: db.RoleUser, Content: fmt.Sprint(w, n)})
					if err != nil {
						t.Error(err)
						return
					}
					last = event.Message
				}
			})
		}
		done := make(chan struct{})
		rest.Go(func() { // the pruner
			for {
				if _, err := h.Prune(ctx, time.Now()); err != nil {
					t.Error(err)
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
		rest.Go(func() { // a reader, who misses nothing that is not below the floor
			for cursor := int64(0); ; {
				log, err := h.Log(ctx, h.chat, cursor, 100)
				if err != nil {
					t.Error(err)
					return
				}
				cursor = max(cursor, log.FloorSeq)
				for _, event := range log.Events {
					if cursor++; event.Seq != cursor || event.Kind != db.ChatCreated && event.Message == nil {
						t.Errorf("after %d comes %+v", cursor-1, event)
						return
					}
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
		writing.Wait()
		close(done)
		rest.Wait()
		if chat := h.read(); chat.HeadSeq < 1+writers*each || chat.FloorSeq == 0 {
			t.Errorf("the chat reads %+v", chat)
		}
		if _, err := h.Prune(ctx, time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if n := h.rows("messages") + h.rows("chat_events"); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

// TestPruneKeepsRemovals: that somebody was removed is remembered below the floor, for their feed.
func TestPruneKeepsRemovals(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		h := openHistory(t, url)
		for _, call := range []func(context.Context, string, string, string) (*db.Event, error){h.AddMember, h.RemoveMember} {
			if _, err := call(t.Context(), "owner", h.chat, "mia"); err != nil { // 2, 3
				t.Fatal(err)
			}
		}
		h.age(3, 2*day)
		h.prune()
		if chat := h.read(); chat.FloorSeq != 3 || h.rows("chat_events") != 1 {
			t.Errorf("%+v, %d events", chat, h.rows("chat_events"))
		}
		since := time.Now().Add(-3 * day)
		if heads, err := h.FeedHeads(t.Context(), "mia", &since); err != nil || len(heads) != 1 {
			t.Errorf("mia's feed finds %+v, %v", heads, err)
		}
		if again := h.prune(); again != (sqlstore.PruneResult{}) {
			t.Errorf("the next run did %+v", again)
		}
		h.age(3, db.TombstoneAge+day)
		if last := h.prune(); last.Events != 1 || h.rows("chat_events") != 0 {
			t.Errorf("a month later: %+v", last)
		}
	})
}

// TestPruneManyMembers: in a big chat a pruned message costs no list its place in the cache.
func TestPruneManyMembers(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		for _, test := range []struct{ members, told int }{{db.MaxGuardedMembers, db.MaxGuardedMembers}, {db.MaxGuardedMembers + 1, 0}} {
			h := openHistory(t, url)
			var members []*db.Member
			for i := range test.members - 1 {
				members = append(members, &db.Member{ChatID: h.chat, UserID: fmt.Sprint("user", i), Role: db.RoleMember, JoinedAt: time.Now()})
			}
			if _, err := h.Bun().NewInsert().Model(&members).Exec(t.Context()); err != nil {
				t.Fatal(err)
			}
			h.say("old")
			h.age(2, 2*day)
			h.spy.reset()
			h.prune()
			if got := h.spy.writes[0]; got.ChatID != h.chat || len(got.Members) != test.told {
				t.Errorf("of %d members the guard was told of %d", test.members, len(got.Members))
			}
			if strings.HasPrefix(url, "sqlite::memory:") {
				continue // each has its own
			}
			if _, err := h.DeleteChat(t.Context(), "owner", h.chat); err != nil {
				t.Fatal(err)
			}
		}
	})
}
