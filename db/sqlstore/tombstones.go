package sqlstore

import (
	"context"
	"time"

	"github.com/uptrace/bun"
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
