package sqlstore

import (
	"context"

	"github.com/uptrace/bun"

	"studychat/db"
)

// Users implements db.Repository.
func (s reads) Users(ctx context.Context, ids []string) (map[string]*db.User, error) {
	users := make(map[string]*db.User, len(ids))
	if len(ids) == 0 {
		return users, nil
	}
	err := s.query(ctx, func(ctx context.Context, conn bun.IDB) error {
		var rows []*db.User
		err := conn.NewSelect().Model(&rows).Where("u.id IN (?)", bun.List(ids)).Scan(ctx)
		for _, u := range rows {
			users[u.ID] = u
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return users, nil
}

// SharedUsers implements db.Repository.
func (s reads) SharedUsers(ctx context.Context, viewer string, ids []string) (map[string]bool, error) {
	shared := make(map[string]bool, len(ids))
	if len(ids) == 0 {
		return shared, nil
	}
	err := s.query(ctx, func(ctx context.Context, conn bun.IDB) error {
		var users []string
		err := conn.NewSelect().Distinct().TableExpr("chat_members AS other").Column("other.user_id").
			Join("JOIN chat_members AS own ON own.chat_id = other.chat_id").Join("JOIN chats AS c ON c.id = own.chat_id").
			Where("own.user_id = ? AND other.user_id IN (?) AND c.deleted_at IS NULL", viewer, bun.List(ids)).
			Scan(ctx, &users)
		for _, user := range users {
			shared[user] = true
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		shared[id] = shared[id] || id == viewer
	}
	return shared, nil
}

// ReadMarks implements db.Repository.
func (s reads) ReadMarks(ctx context.Context, viewer string, chatIDs []string) (map[string]map[string]int64, error) {
	marks := make(map[string]map[string]int64, len(chatIDs))
	if len(chatIDs) == 0 {
		return marks, nil
	}
	err := s.query(ctx, func(ctx context.Context, conn bun.IDB) error {
		var rows []*db.Member
		err := conn.NewSelect().Model(&rows).Column("cm.chat_id", "cm.user_id", "cm.read_seq").
			Join("JOIN chats AS c ON c.id = cm.chat_id").Join("JOIN chat_members AS own ON own.chat_id = cm.chat_id").
			Where("cm.chat_id IN (?) AND c.deleted_at IS NULL AND own.user_id = ?", bun.List(chatIDs), viewer).Scan(ctx)
		for _, m := range rows {
			if marks[m.ChatID] == nil {
				marks[m.ChatID] = map[string]int64{}
			}
			marks[m.ChatID][m.UserID] = m.ReadSeq
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return marks, nil
}
