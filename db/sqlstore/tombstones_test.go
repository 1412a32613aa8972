package sqlstore_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"studychat/db"
	"studychat/db/sqlstore"
)

// TestPruneLeavesItToOthers holds the lock of another instance.
func TestPruneLeavesItToOthers(t *testing.T) {
	t.Parallel()
	h := openHistory(t, postgres(t))
	h.say("old")
	h.age(2, 2*day)
	other, err := h.Bun().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.NewRaw("SELECT pg_advisory_xact_lock(?)", sqlstore.PostgresPruneKey).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	if result := h.prune(); !result.Busy || result.Messages != 0 || h.rows("messages") != 1 {
		t.Errorf("while another is at it: %+v", result)
	}
	if err := other.Rollback(); err != nil {
		t.Fatal(err)
	}
	if result := h.prune(); result.Busy || result.Messages != 1 {
		t.Errorf("when it is done: %+v", result)
	}
}

func TestRemoveTombstones(t *testing.T) {
	t.Parallel()
	costly(t, func(t *testing.T, url string) {
		h := openHistory(t, url)
		h.say("text")
		for _, call := range []func(context.Context, string, string, string) (*db.Event, error){h.AddMember, h.RemoveMember, h.AddMember} {
			if _, err := call(t.Context(), "owner", h.chat, "mia"); err != nil {
				t.Fatal(err)
			}
		}
		kept := fill(t, h.Store, "owner", 1)[0]
		if _, err := h.DeleteChat(t.Context(), "owner", h.chat); err != nil {
			t.Fatal(err)
		}
		before := time.Now().Add(-db.TombstoneAge)
		if result, err := h.RemoveTombstones(t.Context(), before); err != nil || result != (sqlstore.PruneResult{}) {
			t.Errorf("a new tombstone: %+v, %v", result, err)
		}
		if result := h.prune(); result != (sqlstore.PruneResult{}) {
			t.Errorf("Prune takes from a tombstone: %+v", result)
		}
		if _, err := h.Head(t.Context(), "mia", h.chat); err != nil {
			t.Errorf("mia's stream cannot end properly: %v", err)
		}
		h.exec("UPDATE chats SET deleted_at = ? WHERE id = ?", before.Add(-time.Minute), h.chat)
		result, err := h.RemoveTombstones(t.Context(), before)
		if err != nil || result != (sqlstore.PruneResult{Chats: 1, Events: 2}) {
			t.Errorf("an old one: %+v, %v", result, err)
		}
		if n := h.rows("messages") + h.rows("chat_events") + h.rows("chat_members"); n != 0 {
			t.Errorf("%d rows are left", n)
		}
		if _, err := h.Head(t.Context(), "mia", h.chat); db.CodeOf(err) != db.CodeNotFound {
			t.Errorf("mia still finds it: %v", err)
		}
		if _, err := h.Chat(t.Context(), "owner", kept); err != nil {
			t.Errorf("another chat: %v", err)
		}
		event, err := h.CreateChat(t.Context(), "owner", db.NewChat{ID: h.chat, Title: "New"})
		if err != nil || event.Repeated || event.Seq != 1 {
			t.Errorf("the id is free again: %+v, %v", event, err)
		}
	})
}

// TestRemoveTombstoneBatches: one that remembers many removals goes in steps.
func TestRemoveTombstoneBatches(t *testing.T) {
	t.Parallel()
	costly(t, func(t *testing.T, url string) {
		h := openHistory(t, url)
		h.exec(`INSERT INTO chat_events (chat_id, seq, kind, actor_id, subject_id, payload, created_at)
WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 2301)
SELECT c.id, n.i, ?, 'owner', 'mia', '{}', c.created_at FROM n CROSS JOIN chats AS c`, db.MemberRemoved)
		h.exec("UPDATE chats SET head_seq = 2301")
		if _, err := h.DeleteChat(t.Context(), "owner", h.chat); err != nil {
			t.Fatal(err)
		}
		h.spy.reset()
		result, err := h.RemoveTombstones(t.Context(), time.Now().Add(time.Second))
		if err != nil || result != (sqlstore.PruneResult{Chats: 1, Events: 2301}) {
			t.Errorf("%+v, %v", result, err)
		}
		h.spy.expect(t, "three steps", slices.Concat(committed, committed, committed)...)
	})
}
