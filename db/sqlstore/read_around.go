package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/uptrace/bun"

	"studychat/db"
)

// MessagesAround implements db.Repository: at most four statements in one snapshot.
func (s reads) MessagesAround(ctx context.Context, viewer, chatID string, place db.Place, limit int) (*db.MessageList, error) {
	var list *db.MessageList
	err := s.snapshot(ctx, func(ctx context.Context, tx bun.Tx) error {
		chats, err := readableChats(ctx, tx, viewer, []string{chatID}, db.Page{})
		if err == nil && len(chats) == 0 {
			err = db.NotFound("chat")
		}
		if err != nil {
			return err
		}
		seq, err := findPlace(ctx, tx, chatID, place)
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
		list.Cursor = db.Cursor{ChatID: chatID, Epoch: chats[0].Epoch, Seq: chats[0].HeadSeq}
		return nil
	})
	return list, err
}

// findPlace returns the number of the message at the place.
func findPlace(ctx context.Context, tx bun.Tx, chatID string, p db.Place) (seq int64, err error) {
	if p.MessageID == "" {
		return p.Seq, nil
	}
	err = tx.NewSelect().TableExpr("messages").Column("seq").Where("id = ? AND chat_id = ?", p.MessageID, chatID).Scan(ctx, &seq)
	if errors.Is(err, sql.ErrNoRows) {
		err = db.NotFound("message")
	}
	return seq, err
}

// messagesFrom reads as many messages as a page may have, and one more, away from a place in one direction.
func messagesFrom(ctx context.Context, tx bun.Tx, chatID, side, order string, seq int64, limit int) ([]*db.Message, error) {
	rows := []*db.Message{}
	err := tx.NewSelect().Model(&rows).Where("chat_id = ?", chatID).Where(side, seq).OrderExpr(order).
		Limit(int64(limit) + 1).Scan(ctx)
	return rows, err
}

// around makes a page of the messages before a place, newest first, and those from it on, oldest first.
func around(older, newer []*db.Message, limit int) *db.MessageList {
	after := min(len(newer), limit-limit/2)
	before := min(len(older), limit-after)
	after = min(len(newer), limit-before)
	page := slices.Clone(older[:before])
	slices.Reverse(page)
	return &db.MessageList{
		Messages: append(page, newer[:after]...),
		HasPrev:  len(older) > before,
		HasNext:  len(newer) > after,
	}
}

// MessagesByID implements db.Repository.
func (s reads) MessagesByID(ctx context.Context, viewer string, ids []string) (map[string]*db.Message, error) {
	found := make(map[string]*db.Message, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	err := s.query(ctx, func(ctx context.Context, conn bun.IDB) error {
		var rows []*db.Message
		err := conn.NewSelect().Model(&rows).
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
