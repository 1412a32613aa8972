package sqlstore

import (
	"context"
	"errors"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

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

// inSteps repeats a step until it deletes less than a batch.
func (r *PruneResult) inSteps(step func() (PruneResult, error)) error {
	for {
		done, err := step()
		if err != nil {
			return err
		}
		r.Chats += done.Chats
		r.Messages += done.Messages
		r.Events += done.Events
		if done.Messages < pruneBatch && done.Events < pruneBatch {
			return nil
		}
	}
}

func (s *upkeep) pruneChat(ctx context.Context, chatID string, before time.Time, result *PruneResult) error {
	first := 1
	return result.inSteps(func() (PruneResult, error) {
		done, err := s.pruneStep(ctx, chatID, before)
		done.Chats, first = first, 0
		return done, err
	})
}

// pruneStep is one transaction. The first one of a chat raises the floor all the way, before most rows are deleted: readers of the log
// start at the floor, and a batch must not delete a message whose edit is still above it.
//
// It determines the floor after it has the lock, in a statement of its own (see lockChat): a write that had to wait has a time from
// before its wait, and its edit would be found without its message.
func (s *upkeep) pruneStep(ctx context.Context, chatID string, before time.Time) (PruneResult, error) {
	return s.step(ctx, chatID, bun.SafeQuery("deleted_at IS NULL"), func(ctx context.Context, tx bun.Tx, done *PruneResult) ([]string, error) {
		var floor int64
		if err := tx.NewRaw(seqBefore+"SELECT lo FROM search WHERE lo >= hi", chatID, before).Scan(ctx, &floor); err != nil {
			return nil, notFound(err, "chat")
		}
		raise := tx.NewRaw("UPDATE chats SET floor_at = CASE WHEN floor_seq < ?0 THEN ?1 ELSE floor_at END, floor_seq = ?0 WHERE id = ?2", floor, before, chatID)
		if _, err := raise.Exec(ctx); err != nil {
			return nil, err
		}
		if err := s.deleteBatch(ctx, tx, chatID, floor, before, done); err != nil {
			return nil, err
		}
		return listsOf(ctx, tx, chatID)
	})
}

func (s *upkeep) deleteBatch(ctx context.Context, tx bun.Tx, chatID string, floor int64, before time.Time, done *PruneResult) (err error) {
	done.Messages, err = affected(tx.NewDelete().TableExpr("messages").Where("id IN (?)",
		oldMessages(tx, before).Column("m.id").Where("m.chat_id = ? AND m.seq <= ?", chatID, floor).
			OrderExpr("m.seq").Limit(pruneBatch)).Exec(ctx))
	if err != nil {
		return err
	}
	done.Events, err = affected(tx.NewDelete().TableExpr("chat_events").Where("chat_id = ?", chatID).Where("seq IN (?)",
		s.oldEvents(tx, before).Column("e.seq").Where("e.chat_id = ? AND e.seq <= ?", chatID, floor).
			OrderExpr("e.seq").Limit(pruneBatch)).Exec(ctx))
	return err
}

// listsOf returns the users whose lists may show a deleted message: see Write.Members.
func listsOf(ctx context.Context, tx bun.Tx, chatID string) ([]string, error) {
	var users []string
	err := tx.NewSelect().Model((*db.Member)(nil)).Column("user_id").Where("chat_id = ?", chatID).
		Limit(db.MaxGuardedMembers+1).Scan(ctx, &users)
	if len(users) > db.MaxGuardedMembers {
		users = nil
	}
	return users, err
}

// step runs do in one transaction with the chat's row lock, unless the chat is gone or has changed so that the condition is false. do
// says what it has deleted, and returns Write.Members.
//
// It ends with errBusy if another instance prunes at this moment. That lock only saves work: the chat's row lock protects the rows. It
// lasts for one step and not for the whole run, which would be one long idle transaction.
func (s *upkeep) step(ctx context.Context, chatID string, condition schema.QueryWithArgs, do func(ctx context.Context, tx bun.Tx, done *PruneResult) ([]string, error)) (done PruneResult, err error) {
	_, err = s.write(ctx, chatKey(chatID), nil, func(ctx context.Context, tx bun.Tx) (change, error) {
		done = PruneResult{}
		if s.traits.tryLock != "" {
			var ours bool
			if err := tx.NewRaw(s.traits.tryLock, postgresPruneKey).Scan(ctx, &ours); err != nil {
				return change{}, err
			}
			if !ours {
				return change{}, errBusy
			}
		}
		locked, err := affected(tx.NewRaw("UPDATE chats SET floor_seq = floor_seq WHERE id = ? AND ?", chatID, condition).Exec(ctx))
		if err != nil || locked == 0 {
			return change{event: &db.Event{ChatID: chatID, Repeated: true}}, err
		}
		members, err := do(ctx, tx, &done)
		return change{event: &db.Event{ChatID: chatID}, members: members}, err
	})
	if err == nil {
		s.stats.Pruned.Add(done.Messages + done.Events)
	}
	return done, err
}

// RemoveTombstones deletes what is left of chats that were deleted before the time: rows, members, events. After it their ids are free
// again, and cursors of them are NOT_FOUND. Like Prune it works in bounded transactions, may be interrupted, and runs in one instance
// at a time. Errors: UNAVAILABLE, together with the result so far.
func (s *upkeep) RemoveTombstones(ctx context.Context, before time.Time) (PruneResult, error) {
	var result PruneResult
	for {
		var ids []string
		err := s.query(ctx, func(ctx context.Context, conn bun.IDB) error {
			// There is no index for this: it would be used once an hour, and the table has one small row per chat.
			return conn.NewSelect().TableExpr("chats").Column("id").Where("deleted_at < ?", before).Limit(pruneScan).Scan(ctx, &ids)
		})
		if err != nil || len(ids) == 0 {
			return result, err
		}
		for _, id := range ids {
			err := result.inSteps(func() (PruneResult, error) { return s.tombstoneStep(ctx, id, before) })
			if err != nil {
				return result, result.stopped(err)
			}
		}
	}
}

// tombstoneStep is one transaction: it deletes events, and when none is left, the rest.
func (s *upkeep) tombstoneStep(ctx context.Context, chatID string, before time.Time) (PruneResult, error) {
	return s.step(ctx, chatID, bun.SafeQuery("deleted_at < ?", before), func(ctx context.Context, tx bun.Tx, done *PruneResult) (_ []string, err error) {
		done.Events, err = affected(tx.NewRaw(`DELETE FROM chat_events WHERE chat_id = ?0
AND seq IN (SELECT seq FROM chat_events WHERE chat_id = ?0 ORDER BY seq LIMIT ?1)`, chatID, pruneBatch).Exec(ctx))
		if err != nil || done.Events == pruneBatch {
			return nil, err
		}
		done.Chats = 1
		return nil, execAll(ctx,
			tx.NewRaw("DELETE FROM chat_members WHERE chat_id = ?", chatID),
			tx.NewRaw("DELETE FROM chats WHERE id = ?", chatID),
		)
	})
}
