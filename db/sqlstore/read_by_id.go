package sqlstore

import (
	"context"

	"github.com/uptrace/bun"

	"studychat/db"
)

// rowsOf reads rows in one statement. Without ids there is nothing to read.
func rowsOf[R any](ctx context.Context, s reads, ids []string, build func(q *bun.SelectQuery) *bun.SelectQuery) (rows []R, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	err = s.query(ctx, func(ctx context.Context, conn bun.IDB) error { return build(conn.NewSelect()).Scan(ctx, &rows) })
	return rows, err
}

// byKey makes a map of rows.
func byKey[R, V any](rows []R, entry func(R) (string, V)) map[string]V {
	found := make(map[string]V, len(rows))
	for _, row := range rows {
		key, value := entry(row)
		found[key] = value
	}
	return found
}

// Users implements db.Repository.
func (s reads) Users(ctx context.Context, ids []string) (map[string]*db.User, error) {
	rows, err := rowsOf[*db.User](ctx, s, ids, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Model((*db.User)(nil)).Where("u.id IN (?)", bun.List(ids))
	})
	return byKey(rows, func(u *db.User) (string, *db.User) { return u.ID, u }), err
}

// SharedUsers implements db.Repository.
func (s reads) SharedUsers(ctx context.Context, viewer string, ids []string) (map[string]bool, error) {
	rows, err := rowsOf[string](ctx, s, ids, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Distinct().TableExpr("chat_members AS other").Column("other.user_id").
			Join("JOIN chat_members AS own ON own.chat_id = other.chat_id").Join("JOIN chats AS c ON c.id = own.chat_id").
			Where("own.user_id = ? AND other.user_id IN (?) AND c.deleted_at IS NULL", viewer, bun.List(ids))
	})
	shared := byKey(rows, func(user string) (string, bool) { return user, true })
	for _, id := range ids {
		shared[id] = shared[id] || id == viewer
	}
	return shared, err
}

// ReadMarks implements db.Repository.
func (s reads) ReadMarks(ctx context.Context, viewer string, chatIDs []string) (map[string]map[string]int64, error) {
	rows, err := rowsOf[*db.Member](ctx, s, chatIDs, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Model((*db.Member)(nil)).Column("cm.chat_id", "cm.user_id", "cm.read_seq").
			Join("JOIN chats AS c ON c.id = cm.chat_id").Join("JOIN chat_members AS own ON own.chat_id = cm.chat_id").
			Where("cm.chat_id IN (?) AND c.deleted_at IS NULL AND own.user_id = ?", bun.List(chatIDs), viewer)
	})
	marks := make(map[string]map[string]int64, len(chatIDs))
	for _, m := range rows {
		if marks[m.ChatID] == nil {
			marks[m.ChatID] = map[string]int64{}
		}
		marks[m.ChatID][m.UserID] = m.ReadSeq
	}
	return marks, err
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

// MessagesByID implements db.Repository.
func (s reads) MessagesByID(ctx context.Context, viewer string, ids []string) (map[string]*db.Message, error) {
	rows, err := rowsOf[*db.Message](ctx, s, ids, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Model((*db.Message)(nil)).
			Join("JOIN chats AS c ON c.id = m.chat_id").Join("JOIN chat_members AS own ON own.chat_id = m.chat_id").
			Where("m.id IN (?) AND c.deleted_at IS NULL AND own.user_id = ?", bun.List(ids), viewer)
	})
	return byKey(rows, func(m *db.Message) (string, *db.Message) { return m.ID, m }), err
}

// ModulesByID implements db.Repository.
func (s reads) ModulesByID(ctx context.Context, ids []string) (map[string]*db.Module, error) {
	rows, err := s.modules(ctx, ids, moduleHead)
	return byKey(rows, func(m *db.Module) (string, *db.Module) { return m.ID, m }), err
}

// ModuleContents implements db.Repository.
func (s reads) ModuleContents(ctx context.Context, ids []string) (map[string]string, error) {
	rows, err := s.modules(ctx, ids, []string{"id", "content"})
	return byKey(rows, func(m *db.Module) (string, string) { return m.ID, m.Content }), err
}

func (s reads) modules(ctx context.Context, ids, columns []string) ([]*db.Module, error) {
	return rowsOf[*db.Module](ctx, s, ids, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Model((*db.Module)(nil)).Column(columns...).Where("mo.id IN (?)", bun.List(ids))
	})
}
