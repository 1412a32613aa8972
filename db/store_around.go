package db

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/uptrace/bun"
)

// MessagesAround implements MessageRepository: at most four statements in one snapshot.
func (s *Store) MessagesAround(ctx context.Context, viewer, chatID string, place Place, limit int) (*MessageList, error) {
	var list *MessageList
	err := s.snapshot(ctx, func(ctx context.Context, tx bun.Tx) error {
		chats, err := readableChats(ctx, tx, viewer, []string{chatID}, Page{})
		if err == nil && len(chats) == 0 {
			err = NotFound("chat")
		}
		if err != nil {
			return err
		}
		seq, err := place.find(ctx, tx, chatID)
		if err != nil {
			return err
		}
		older, err := messagesFrom(ctx, tx, chatID, "seq < ?", "seq DESC", seq, limit)
		if err != nil {
			return err
		}
		newer, err := messagesFrom(ctx, tx, chatID, "seq >= ?", "seq", seq, limit)
		if err != nil {
			return err
		}
		list = around(older, newer, limit)
		list.Cursor = Cursor{ChatID: chatID, Epoch: chats[0].Epoch, Seq: chats[0].HeadSeq}
		return nil
	})
	return list, err
}

// find returns the number of the message at the place.
func (p Place) find(ctx context.Context, tx bun.Tx, chatID string) (seq int64, err error) {
	if p.MessageID == "" {
		return p.Seq, nil
	}
	err = tx.NewSelect().TableExpr("messages").Column("seq").Where("id = ? AND chat_id = ?", p.MessageID, chatID).Scan(ctx, &seq)
	if errors.Is(err, sql.ErrNoRows) {
		err = NotFound("message")
	}
	return seq, err
}

// messagesFrom reads as many messages as a page may have, and one more, away from a place in one direction.
func messagesFrom(ctx context.Context, tx bun.Tx, chatID, side, order string, seq int64, limit int) ([]*Message, error) {
	rows := []*Message{}
	err := tx.NewSelect().Model(&rows).Where("chat_id = ?", chatID).Where(side, seq).OrderExpr(order).
		Limit(int64(limit) + 1).Scan(ctx)
	return rows, err
}

// around makes a page of the messages before a place, newest first, and those from it on, oldest first.
func around(older, newer []*Message, limit int) *MessageList {
	after := min(len(newer), limit-limit/2)
	before := min(len(older), limit-after)
	after = min(len(newer), limit-before)
	page := slices.Clone(older[:before])
	slices.Reverse(page)
	return &MessageList{
		Messages: append(page, newer[:after]...),
		HasPrev:  len(older) > before,
		HasNext:  len(newer) > after,
	}
}

// MessagesByID implements MessageRepository.
func (s *Store) MessagesByID(ctx context.Context, viewer string, ids []string) (map[string]*Message, error) {
	found := make(map[string]*Message, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	err := s.query(ctx, func(ctx context.Context, db bun.IDB) error {
		var rows []*Message
		err := db.NewSelect().Model(&rows).
			Join("JOIN chats AS c ON c.id = m.chat_id").Join("JOIN chat_members AS own ON own.chat_id = m.chat_id").
			Where("m.id IN (?) AND c.deleted_at IS NULL AND own.user_id = ?", bun.List(ids), viewer).
			Scan(ctx)
		for _, m := range rows {
			found[m.ID] = m
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}
