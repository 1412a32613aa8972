package sqlstore

import (
	"context"

	"github.com/uptrace/bun"

	"studychat/db"
)

// Chats implements db.Repository: four statements in one snapshot.
func (s reads) Chats(ctx context.Context, viewer string, module *string, page db.Page) (*db.ChatList, error) {
	list := &db.ChatList{Chats: []*db.Chat{}, Cursor: db.FeedCursor{User: viewer, At: s.Horizon().Add(-db.FeedOverlap)}}
	err := s.snapshot(ctx, func(ctx context.Context, tx bun.Tx) error {
		rows := func() *bun.SelectQuery { return chatsOf(tx, viewer, module) }
		var meta struct {
			Epoch int64
			outside
		}
		q := tx.NewSelect().TableExpr("stream_meta").Column("epoch")
		if err := selectOutside(q, page, rows, chatsUpTo, chatsFrom).Scan(ctx, &meta); err != nil {
			return err
		}
		if err := chatWindow(rows(), page).Scan(ctx, &list.Chats); err != nil {
			return err
		}
		list.Chats, list.HasPrev, list.HasNext = cut(page, list.Chats, meta.outside)
		list.Cursor.Epoch = meta.Epoch
		for _, c := range list.Chats {
			c.Epoch = meta.Epoch
		}
		return fillChats(ctx, tx, list.Chats)
	})
	return list, err
}

// chatsOf selects the viewer's chats.
func chatsOf(tx bun.IDB, viewer string, module *string) *bun.SelectQuery {
	q := tx.NewSelect().Model((*db.Chat)(nil)).Join("JOIN chat_members AS own ON own.chat_id = c.id").
		Where("own.user_id = ? AND c.deleted_at IS NULL", viewer)
	if module != nil {
		q = q.Where("c.module_id = ?", *module)
	}
	return q
}

// The list is descending, so the rows up to a key have greater values.
func chatsUpTo(q *bun.SelectQuery, k *db.Key) *bun.SelectQuery {
	return q.ColumnExpr("1").Where("(c.last_message_at, c.id) >= (?, ?)", k.At, k.ID)
}

func chatsFrom(q *bun.SelectQuery, k *db.Key) *bun.SelectQuery {
	return q.ColumnExpr("1").Where("(c.last_message_at, c.id) <= (?, ?)", k.At, k.ID)
}

func chatWindow(q *bun.SelectQuery, p db.Page) *bun.SelectQuery {
	if p.After != nil {
		q = q.Where("(c.last_message_at, c.id) < (?, ?)", p.After.At, p.After.ID)
	}
	if p.Before != nil {
		q = q.Where("(c.last_message_at, c.id) > (?, ?)", p.Before.At, p.Before.ID)
	}
	if p.Backward {
		return q.OrderExpr("c.last_message_at, c.id").Limit(limitOf(p))
	}
	return q.OrderExpr("c.last_message_at DESC, c.id DESC").Limit(limitOf(p))
}

// CountChats implements db.Repository.
func (s reads) CountChats(ctx context.Context, viewer string, module *string) (int, error) {
	var n int
	err := s.query(ctx, func(ctx context.Context, conn bun.IDB) error {
		some := chatsOf(conn, viewer, module).ColumnExpr("1").Limit(db.MaxCount)
		return conn.NewSelect().TableExpr("(?) AS n", some).ColumnExpr("COUNT(*)").Scan(ctx, &n)
	})
	return n, err
}

// OwnedChats implements db.Repository.
func (s reads) OwnedChats(ctx context.Context, viewer, after string, limit int) ([]string, error) {
	ids := []string{}
	err := s.query(ctx, func(ctx context.Context, conn bun.IDB) error {
		q := conn.NewSelect().TableExpr("chats AS c").Join("JOIN chat_members AS own ON own.chat_id = c.id").
			Column("c.id").
			Where("own.user_id = ? AND own.role = ? AND c.deleted_at IS NULL", viewer, db.RoleOwner).
			OrderExpr("c.id").Limit(int64(limit))
		if after != "" {
			q = q.Where("c.id > ?", after)
		}
		return q.Scan(ctx, &ids)
	})
	return ids, err
}

// ViewerStates implements db.Repository, in one statement. It looks at no more than UnreadWindow messages of a chat.
func (s reads) ViewerStates(ctx context.Context, viewer string, chatIDs []string) (map[string]db.ViewerState, error) {
	rows, err := rowsOf[db.ViewerState](ctx, s, chatIDs, func(q *bun.SelectQuery) *bun.SelectQuery {
		newest := q.NewSelect().TableExpr("messages AS m").ColumnExpr("m.author_id, m.deleted_at").
			Where("m.chat_id = own.chat_id AND m.seq > own.read_seq").OrderExpr("m.seq DESC").Limit(db.UnreadWindow)
		unread := q.NewSelect().TableExpr("(?) AS n", newest).ColumnExpr("COUNT(*)").
			Where("n.author_id <> own.user_id AND n.deleted_at IS NULL")
		return q.TableExpr("chat_members AS own").Join("JOIN chats AS c ON c.id = own.chat_id").
			ColumnExpr("own.chat_id, own.user_id, own.role, own.read_seq, own.muted_until, own.pinned_at, own.archived_at").ColumnExpr("(?) AS unread_count", unread).
			Where("own.user_id = ? AND c.deleted_at IS NULL AND own.chat_id IN (?)", viewer, bun.List(chatIDs))
	})
	return byKey(rows, func(v db.ViewerState) (string, db.ViewerState) { return v.ChatID, v }), err
}
