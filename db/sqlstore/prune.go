package sqlstore

import (
	"context"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"studychat/db"
)

const (
	pruneBatch = 1000 // rows per table that one transaction deletes while it holds the chat's row lock
	pruneScan  = 1000 // chats that one statement examines
	pruneSkips = 10   // chats that a run skips because their rows stay locked
)

// PruneResult counts what was done.
type PruneResult struct {
	Chats    int   // chats that something was deleted from; chats that were removed
	Messages int64 // rows
	Events   int64 // rows of chat_events
	Busy     bool  // another instance was doing the same, so this one stopped
}

// errBusy ends a run because another instance does the same.
var errBusy = errors.New("another instance prunes")

// Prune deletes what happened before the time: events, and messages that were sent, edited and deleted before it. FloorSeq rises to
// the last number that is not kept, so that streams with an older cursor get a reset; HeadSeq stays, and the log above the floor
// stays complete.
//
// A message that was edited or deleted at or after the time stays until that event is old, too, even below the floor: events above
// the floor always find their message. Events that removed a member stay below the floor for TombstoneAge, for FeedHeads. Deleted
// chats are left to RemoveTombstones.
//
// It works chat by chat, in transactions that each hold the chat's row lock for at most pruneBatch rows per table and tell the guard.
// It may be interrupted at any moment: the next run continues. One instance works at a time. A chat whose row stays locked is skipped
// and reported in the error.
// Errors: UNAVAILABLE, together with the result so far.
func (s *upkeep) Prune(ctx context.Context, before time.Time) (PruneResult, error) {
	var result PruneResult
	var skipped []error
	for after, more := "", true; more; {
		chats, err := s.prunable(ctx, after, before)
		if err != nil {
			return result, err
		}
		for _, chat := range chats {
			if !chat.Due {
				continue
			}
			err := s.pruneChat(ctx, chat.ID, before, &result)
			if isCrowded(err) && len(skipped) < pruneSkips {
				skipped = append(skipped, err)
				continue
			}
			if err != nil {
				return result, result.stopped(err)
			}
		}
		if more = len(chats) == pruneScan; more {
			after = chats[len(chats)-1].ID
		}
	}
	return result, errors.Join(skipped...)
}

func (r *PruneResult) stopped(err error) error {
	if errors.Is(err, errBusy) {
		r.Busy = true
		return nil
	}
	return err
}

// candidate is a chat that a run examines.
type candidate struct {
	ID  string
	Due bool // there is something to prune
}

// prunable examines the next chats. What is due begins right after the floor or was left below it: both are at the lower end of the
// indexes, so the cost does not depend on the length of the chat.
func (s *upkeep) prunable(ctx context.Context, after string, before time.Time) ([]candidate, error) {
	var chats []candidate
	err := s.query(ctx, func(ctx context.Context, conn bun.IDB) error {
		window := conn.NewSelect().TableExpr("chats AS w").Column("w.id", "w.floor_seq").
			Where("w.deleted_at IS NULL").OrderExpr("w.id").Limit(pruneScan)
		if after != "" {
			window = window.Where("w.id > ?", after)
		}
		return conn.NewSelect().TableExpr("(?) AS c", window).Column("c.id").
			ColumnExpr(`EXISTS (SELECT 1 FROM messages AS m WHERE m.chat_id = c.id AND m.seq = c.floor_seq + 1 AND m.created_at < ?0)
OR EXISTS (SELECT 1 FROM chat_events AS e WHERE e.chat_id = c.id AND e.seq = c.floor_seq + 1 AND e.created_at < ?0)
OR EXISTS (?1) OR EXISTS (?2) AS due`, before,
				oldMessages(conn, before).ColumnExpr("1").Where("m.chat_id = c.id AND m.seq <= c.floor_seq"),
				s.oldEvents(conn, before).ColumnExpr("1").Where("e.chat_id = c.id AND e.seq <= c.floor_seq")).
			OrderExpr("c.id").Scan(ctx, &chats)
	})
	return chats, err
}

// oldMessages selects messages that did not change at or after the time.
func oldMessages(conn bun.IDB, before time.Time) *bun.SelectQuery {
	return conn.NewSelect().TableExpr("messages AS m").
		Where("m.created_at < ?0 AND (m.edited_at IS NULL OR m.edited_at < ?0) AND (m.deleted_at IS NULL OR m.deleted_at < ?0)", before)
}

// oldEvents selects events before the time, except for those that FeedHeads still needs.
func (s *upkeep) oldEvents(conn bun.IDB, before time.Time) *bun.SelectQuery {
	removals := s.Now().Add(-db.TombstoneAge)
	if before.Before(removals) {
		removals = before
	}
	return conn.NewSelect().TableExpr("chat_events AS e").
		Where("e.created_at < ? AND (e.kind NOT IN (?) OR e.created_at < ?)", before, leaveKinds, removals)
}

// pruneChat repeats pruneStep until the chat has nothing old left.
func (s *upkeep) pruneChat(ctx context.Context, chatID string, before time.Time, result *PruneResult) error {
	for steps := 0; ; steps++ {
		messages, events, err := s.pruneStep(ctx, chatID, before)
		if err != nil {
			return err
		}
		if steps == 0 {
			result.Chats++
		}
		result.Messages += messages
		result.Events += events
		if messages < pruneBatch && events < pruneBatch {
			return nil
		}
	}
}
