package db

import (
	"context"
	"errors"
	"time"

	"github.com/uptrace/bun"
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
func (s *Store) Prune(ctx context.Context, before time.Time) (PruneResult, error) {
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
func (s *Store) prunable(ctx context.Context, after string, before time.Time) ([]candidate, error) {
	var chats []candidate
	err := s.query(ctx, func(ctx context.Context, db bun.IDB) error {
		window := db.NewSelect().TableExpr("chats AS w").Column("w.id", "w.floor_seq").
			Where("w.deleted_at IS NULL").OrderExpr("w.id").Limit(pruneScan)
		if after != "" {
			window = window.Where("w.id > ?", after)
		}
		return db.NewSelect().TableExpr("(?) AS c", window).Column("c.id").
			ColumnExpr(`EXISTS (SELECT 1 FROM messages AS m WHERE m.chat_id = c.id AND m.seq = c.floor_seq + 1 AND m.created_at < ?0)
OR EXISTS (SELECT 1 FROM chat_events AS e WHERE e.chat_id = c.id AND e.seq = c.floor_seq + 1 AND e.created_at < ?0)
OR EXISTS (?1) OR EXISTS (?2) AS due`, before,
				oldMessages(db, before).ColumnExpr("1").Where("m.chat_id = c.id AND m.seq <= c.floor_seq"),
				s.oldEvents(db, before).ColumnExpr("1").Where("e.chat_id = c.id AND e.seq <= c.floor_seq")).
			OrderExpr("c.id").Scan(ctx, &chats)
	})
	return chats, err
}

// oldMessages selects messages that nothing has happened to since before.
func oldMessages(db bun.IDB, before time.Time) *bun.SelectQuery {
	return db.NewSelect().TableExpr("messages AS m").
		Where("m.created_at < ?0 AND (m.edited_at IS NULL OR m.edited_at < ?0) AND (m.deleted_at IS NULL OR m.deleted_at < ?0)", before)
}

// oldEvents selects events of before, without those that FeedHeads still needs.
func (s *Store) oldEvents(db bun.IDB, before time.Time) *bun.SelectQuery {
	removals := s.Now().Add(-TombstoneAge)
	if before.Before(removals) {
		removals = before
	}
	return db.NewSelect().TableExpr("chat_events AS e").
		Where("e.created_at < ? AND (e.kind <> ? OR e.created_at < ?)", before, MemberRemoved, removals)
}

// pruneChat goes on until nothing old is left of the chat.
func (s *Store) pruneChat(ctx context.Context, chatID string, before time.Time, result *PruneResult) error {
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

// pruneStep is one transaction. The first one of a chat raises the floor all the way, before most rows are gone: the
// floor is what readers of the log go by, and a batch must not take a message away whose edit is still above it.
//
// Where the floor belongs is asked behind the lock, in a statement of its own (see enter): a write that was waiting
// carries a time from before its wait, and an edit of it would be found without its message.
func (s *Store) pruneStep(ctx context.Context, chatID string, before time.Time) (messages, events int64, err error) {
	_, err = s.write(ctx, chatLane(chatID), nil, func(ctx context.Context, tx bun.Tx) (change, error) {
		messages, events = 0, 0
		if err := s.alone(ctx, tx); err != nil {
			return change{}, err
		}
		locked, err := affected(tx.NewRaw("UPDATE chats SET floor_seq = floor_seq WHERE id = ? AND deleted_at IS NULL", chatID).Exec(ctx))
		if err != nil || locked == 0 { // deleted meanwhile
			return change{event: &Event{ChatID: chatID, Repeated: true}}, err
		}
		var floor int64
		if err := tx.NewRaw(seqBefore+"SELECT lo FROM search WHERE lo >= hi", chatID, before).Scan(ctx, &floor); err != nil {
			return change{}, notFound(err)
		}
		raise := tx.NewRaw("UPDATE chats SET floor_at = CASE WHEN floor_seq < ?0 THEN ?1 ELSE floor_at END, floor_seq = ?0 WHERE id = ?2", floor, before, chatID)
		if _, err := raise.Exec(ctx); err != nil {
			return change{}, err
		}
		if messages, events, err = s.deleteBatch(ctx, tx, chatID, floor, before); err != nil {
			return change{}, err
		}
		members, err := listsOf(ctx, tx, chatID)
		return change{event: &Event{ChatID: chatID}, members: members}, err
	})
	return messages, events, err
}

func (s *Store) deleteBatch(ctx context.Context, tx bun.Tx, chatID string, floor int64, before time.Time) (messages, events int64, err error) {
	messages, err = affected(tx.NewDelete().TableExpr("messages").Where("id IN (?)",
		oldMessages(tx, before).Column("m.id").Where("m.chat_id = ? AND m.seq <= ?", chatID, floor).
			OrderExpr("m.seq").Limit(pruneBatch)).Exec(ctx))
	if err != nil {
		return 0, 0, err
	}
	events, err = affected(tx.NewDelete().TableExpr("chat_events").Where("chat_id = ?", chatID).Where("seq IN (?)",
		s.oldEvents(tx, before).Column("e.seq").Where("e.chat_id = ? AND e.seq <= ?", chatID, floor).
			OrderExpr("e.seq").Limit(pruneBatch)).Exec(ctx))
	return messages, events, err
}

// listsOf says whose lists may show a message that goes: see Write.Members.
func listsOf(ctx context.Context, tx bun.Tx, chatID string) ([]string, error) {
	var users []string
	err := tx.NewSelect().Model((*Member)(nil)).Column("user_id").Where("chat_id = ?", chatID).
		Limit(MaxGuardedMembers+1).Scan(ctx, &users)
	if len(users) > MaxGuardedMembers {
		users = nil
	}
	return users, err
}

// alone gives up if another instance prunes at this moment. The lock is for efficiency alone: rows are kept by the
// chat's row lock. It lasts for one step and not for the whole run, which would be one long idle transaction.
func (s *Store) alone(ctx context.Context, tx bun.Tx) error {
	if s.traits.tryLock == "" {
		return nil
	}
	var ours bool
	if err := tx.NewRaw(s.traits.tryLock, postgresPruneKey).Scan(ctx, &ours); err != nil {
		return err
	}
	if !ours {
		return errBusy
	}
	return nil
}
