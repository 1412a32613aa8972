package sqlstore

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"studychat/db"
)

// pruneStep is one transaction. The first one of a chat raises the floor all the way, before most rows are deleted: readers of the log
// start at the floor, and a batch must not delete a message whose edit is still above it.
//
// It determines the floor after it has the lock, in a statement of its own (see lockChat): a write that had to wait has a time from
// before its wait, and its edit would be found without its message.
func (s *upkeep) pruneStep(ctx context.Context, chatID string, before time.Time) (messages, events int64, err error) {
	_, err = s.write(ctx, chatKey(chatID), nil, func(ctx context.Context, tx bun.Tx) (change, error) {
		messages, events = 0, 0
		if err := s.alone(ctx, tx); err != nil {
			return change{}, err
		}
		locked, err := affected(tx.NewRaw("UPDATE chats SET floor_seq = floor_seq WHERE id = ? AND deleted_at IS NULL", chatID).Exec(ctx))
		if err != nil || locked == 0 { // deleted meanwhile
			return change{event: &db.Event{ChatID: chatID, Repeated: true}}, err
		}
		var floor int64
		if err := tx.NewRaw(seqBefore+"SELECT lo FROM search WHERE lo >= hi", chatID, before).Scan(ctx, &floor); err != nil {
			return change{}, notFound(err, "chat")
		}
		raise := tx.NewRaw("UPDATE chats SET floor_at = CASE WHEN floor_seq < ?0 THEN ?1 ELSE floor_at END, floor_seq = ?0 WHERE id = ?2", floor, before, chatID)
		if _, err := raise.Exec(ctx); err != nil {
			return change{}, err
		}
		if messages, events, err = s.deleteBatch(ctx, tx, chatID, floor, before); err != nil {
			return change{}, err
		}
		members, err := listsOf(ctx, tx, chatID)
		return change{event: &db.Event{ChatID: chatID}, members: members}, err
	})
	return messages, events, err
}

func (s *upkeep) deleteBatch(ctx context.Context, tx bun.Tx, chatID string, floor int64, before time.Time) (messages, events int64, err error) {
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

// alone returns errBusy if another instance prunes at this moment. This lock only saves work: the chat's row lock protects the rows. It
// lasts for one step and not for the whole run, which would be one long idle transaction.
func (s *upkeep) alone(ctx context.Context, tx bun.Tx) error {
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
