package sqlstore

import (
	"context"

	"github.com/uptrace/bun"

	"studychat/db"
)

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
