package sqlstore

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"studychat/db"
)

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
			if err := s.removeTombstone(ctx, id, before, &result); err != nil {
				return result, result.stopped(err)
			}
		}
	}
}

func (s *upkeep) removeTombstone(ctx context.Context, chatID string, before time.Time, result *PruneResult) error {
	for {
		step, err := s.tombstoneStep(ctx, chatID, before)
		if err != nil {
			return err
		}
		result.Chats += step.Chats
		result.Events += step.Events
		if step.Events < pruneBatch {
			return nil
		}
	}
}

// tombstoneStep is one transaction: it deletes events, and when none is left, the rest.
func (s *upkeep) tombstoneStep(ctx context.Context, chatID string, before time.Time) (step PruneResult, err error) {
	_, err = s.write(ctx, chatKey(chatID), nil, func(ctx context.Context, tx bun.Tx) (change, error) {
		step = PruneResult{}
		if err := s.alone(ctx, tx); err != nil {
			return change{}, err
		}
		// Without a row, another instance has removed it.
		locked, err := affected(tx.NewRaw("UPDATE chats SET floor_seq = floor_seq WHERE id = ? AND deleted_at < ?", chatID, before).Exec(ctx))
		if err != nil || locked == 0 {
			return change{event: &db.Event{ChatID: chatID, Repeated: true}}, err
		}
		step.Events, err = affected(tx.NewRaw(`DELETE FROM chat_events WHERE chat_id = ?0
AND seq IN (SELECT seq FROM chat_events WHERE chat_id = ?0 ORDER BY seq LIMIT ?1)`, chatID, pruneBatch).Exec(ctx))
		if err != nil || step.Events == pruneBatch {
			return change{event: &db.Event{ChatID: chatID}}, err
		}
		step.Chats = 1
		return change{event: &db.Event{ChatID: chatID}}, execAll(ctx,
			tx.NewRaw("DELETE FROM chat_members WHERE chat_id = ?", chatID),
			tx.NewRaw("DELETE FROM chats WHERE id = ?", chatID),
		)
	})
	return step, err
}
