package sqlstore

import (
	"context"
	"slices"

	"github.com/uptrace/bun"

	"studychat/db"
)

// Messages implements db.Repository: two statements in one snapshot.
func (s reads) Messages(ctx context.Context, viewer string, chatIDs []string, page db.Page) (map[string]*db.MessageList, error) {
	lists := make(map[string]*db.MessageList, len(chatIDs))
	if len(chatIDs) == 0 {
		return lists, nil
	}
	err := s.snapshot(ctx, func(ctx context.Context, tx bun.Tx) error {
		chats, err := readableChats(ctx, tx, viewer, chatIDs, page)
		if err != nil || len(chats) == 0 {
			return err
		}
		rows, err := messagePages(ctx, tx, chats, page)
		if err != nil {
			return err
		}
		for _, c := range chats {
			list := &db.MessageList{Cursor: db.Cursor{ChatID: c.ID, Epoch: c.Epoch, Seq: c.HeadSeq}}
			list.Messages, list.HasPrev, list.HasNext = cut(page, rows[c.ID], c.outside)
			lists[c.ID] = list
		}
		return nil
	})
	return lists, err
}

// readableChat is a chat whose messages the viewer may see.
type readableChat struct {
	ID      string
	HeadSeq int64
	Epoch   int64
	outside
}

func readableChats(ctx context.Context, tx bun.Tx, viewer string, chatIDs []string, page db.Page) ([]readableChat, error) {
	var chats []readableChat
	q := tx.NewSelect().TableExpr("chats AS c").Join("JOIN chat_members AS own ON own.chat_id = c.id").
		ColumnExpr("c.id, c.head_seq").ColumnExpr(epochExpr).
		Where("c.id IN (?) AND c.deleted_at IS NULL AND own.user_id = ?", bun.List(chatIDs), viewer)
	rows := func() *bun.SelectQuery {
		return tx.NewSelect().TableExpr("messages AS m").ColumnExpr("1").Where("m.chat_id = c.id")
	}
	return chats, messageKeys("m.seq").selectOutside(q, page, rows).Scan(ctx, &chats)
}

func messageKeys(seq bun.Ident) keyset {
	return keyset{[]bun.Ident{seq}, func(k *db.Key) []any { return []any{k.Seq} }, ascending}
}

// messagePages reads one page (and a row more) of each chat in one statement: for each chat a subquery finds by the index where its
// page ends, and the page is the range up to there. The cost depends on the size of the page, not on its place. (One SELECT per chat
// in a UNION ALL reads the same rows, but is planned again for every number of chats.)
func messagePages(ctx context.Context, tx bun.Tx, chats []readableChat, page db.Page) (map[string][]*db.Message, error) {
	ids := make([]string, len(chats))
	for i, c := range chats {
		ids[i] = c.ID
	}
	if len(ids) == 1 {
		return messagePage(ctx, tx, ids[0], page)
	}
	stretch := messageKeys("x.seq").part(tx.NewSelect().TableExpr("messages AS x").Column("x.seq").Where("x.chat_id = c.id"), page)
	end, order := tx.NewSelect().TableExpr("(?) AS s", stretch), "m.chat_id, m.seq"
	var rows []*db.Message
	q := messageKeys("m.seq").window(tx.NewSelect().Model(&rows).Join("JOIN chats AS c ON c.id = m.chat_id"), page).Where("c.id IN (?)", bun.List(ids))
	if page.Backward {
		q, order = q.Where("m.seq >= (?)", end.ColumnExpr("MIN(s.seq)")), order+" DESC"
	} else {
		q = q.Where("m.seq <= (?)", end.ColumnExpr("MAX(s.seq)"))
	}
	if err := q.OrderExpr(order).Scan(ctx); err != nil {
		return nil, err
	}
	byChat := make(map[string][]*db.Message, len(chats))
	for _, m := range rows {
		byChat[m.ChatID] = append(byChat[m.ChatID], m)
	}
	return byChat, nil
}

// messagePage is messagePages for one chat, for which PostgreSQL knows how many messages it has: if they are millions, it expects to read a
// third of them in the statement of messagePages, and compiles that for half a second.
func messagePage(ctx context.Context, tx bun.Tx, chatID string, page db.Page) (map[string][]*db.Message, error) {
	var rows []*db.Message
	err := messageKeys("m.seq").part(tx.NewSelect().Model(&rows).Where("m.chat_id = ?", chatID), page).Scan(ctx)
	return map[string][]*db.Message{chatID: rows}, err
}

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
	return seq, notFound(err, "message")
}

// messagesFrom reads the messages on one side of a place, nearest first: as many as a page may have, and one more.
func messagesFrom(ctx context.Context, tx bun.Tx, chatID, side, order string, seq int64, limit int) ([]*db.Message, error) {
	rows := []*db.Message{}
	err := tx.NewSelect().Model(&rows).Where("chat_id = ?", chatID).Where(side, seq).OrderExpr(order).
		Limit(int64(limit) + 1).Scan(ctx)
	return rows, err
}

// around makes a page of the messages before a place (older, newest first) and from the place on (newer, oldest first).
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
