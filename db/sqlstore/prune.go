package sqlstore

import (
	"context"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"studychat/db"
)

const (
	pruneBatch = 1000 // rows of each table that one transaction deletes, while it holds the chat's row
	pruneScan  = 1000 // chats that one statement looks at
	pruneSkips = 10   // chats that a run passes over because somebody keeps their rows locked
)

// PruneResult counts what was done.
type PruneResult struct {
	Chats    int   // chats that something was taken from; chats that were removed
	Messages int64 // rows
	Events   int64 // rows of chat_events
	Busy     bool  // another instance is at it and was left to it
}

// errBusy ends a run while another instance does the same.
var errBusy = errors.New("another instance prunes")

// Prune deletes what happened before the time, for good: events, and messages that were sent, edited and deleted before
// it. FloorSeq rises to the last number that is not kept, so that cursors below it are told; HeadSeq stays, and the log
// above the floor stays whole.
//
// A message that was edited or deleted at or after the time stays until that is old, too: it may be below the
// floor, and the events that are kept above the floor always find their message. That somebody was removed is
// kept for TombstoneAge, below the floor, for FeedHeads. Deleted chats are left to RemoveTombstones.
//
// It works chat by chat, in transactions that each hold the chat's row lock for at most pruneBatch rows a table and
// tell the guard, and may be cut off at any moment: the next run goes on. One instance works at a time. A chat whose row
// somebody keeps locked is passed over, and told of in the end.
// Errors: UNAVAILABLE, with what was done until then.
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

// candidate is a chat that a run looks at.
type candidate struct {
	ID  string
	Due bool // there is something to prune
}

// prunable looks at the next chats. What is to be pruned begins right after the floor, or was left below it: both are
// found at the lower end of the indexes, so a chat costs the same however long it is.
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

// oldMessages selects messages that nothing has happened to since before.
func oldMessages(conn bun.IDB, before time.Time) *bun.SelectQuery {
	return conn.NewSelect().TableExpr("messages AS m").
		Where("m.created_at < ?0 AND (m.edited_at IS NULL OR m.edited_at < ?0) AND (m.deleted_at IS NULL OR m.deleted_at < ?0)", before)
}

// oldEvents selects events of before, without those that FeedHeads still needs.
func (s *upkeep) oldEvents(conn bun.IDB, before time.Time) *bun.SelectQuery {
	removals := s.Now().Add(-db.TombstoneAge)
	if before.Before(removals) {
		removals = before
	}
	return conn.NewSelect().TableExpr("chat_events AS e").
		Where("e.created_at < ? AND (e.kind NOT IN (?) OR e.created_at < ?)", before, leaveKinds, removals)
}

// pruneChat goes on until nothing old is left of the chat.
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
