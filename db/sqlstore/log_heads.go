package sqlstore

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"studychat/db"
)

// selectHeads selects heads of chats c.
func selectHeads(conn bun.IDB) *bun.SelectQuery {
	return conn.NewSelect().TableExpr("chats AS c").
		ColumnExpr("c.id, c.head_seq, c.floor_seq, c.last_at, c.deleted_at").ColumnExpr(epochExpr)
}

// Head implements db.Repository.
func (s eventLog) Head(ctx context.Context, viewer, chatID string) (db.Head, error) {
	var head db.Head
	err := s.query(ctx, func(ctx context.Context, conn bun.IDB) error {
		return notFound(selectHeads(conn).ColumnExpr("own.joined_seq").ColumnExpr("TRUE AS member").Join("JOIN chat_members AS own ON own.chat_id = c.id").
			Where("c.id = ? AND own.user_id = ?", chatID, viewer).Scan(ctx, &head))
	})
	s.sawEpoch(head.Epoch)
	return head, err
}

// FeedHeads implements db.Repository. Who was taken out of a chat is only known from the event that did it.
func (s eventLog) FeedHeads(ctx context.Context, viewer string, since *time.Time) ([]db.Head, error) {
	return s.feedHeads(ctx, viewer, func(q *bun.SelectQuery) *bun.SelectQuery {
		if since == nil {
			return q.Where("c.deleted_at IS NULL AND c.id IN (SELECT own.chat_id FROM chat_members AS own WHERE own.user_id = ?)", viewer)
		}
		return q.Where("c.last_at >= ?", *since).Where(everMemberOf, viewer, *since, leaveKinds)
	})
}

// FeedStart implements db.Repository.
func (s eventLog) FeedStart(ctx context.Context, viewer string, since time.Time) ([]db.Head, error) {
	return s.feedHeads(ctx, viewer, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("c.last_at >= ? OR (c.deleted_at IS NULL AND me.user_id IS NOT NULL)", since).
			Where(everMemberOf, viewer, since, leaveKinds)
	})
}

// everMemberOf selects the chats that a user is a member of or was removed from since. (UNION and not OR: with OR both databases
// read through all chats there are.)
const everMemberOf = `c.id IN (SELECT own.chat_id FROM chat_members AS own WHERE own.user_id = ?0
UNION SELECT e.chat_id FROM chat_events AS e WHERE e.subject_id = ?0 AND e.created_at >= ?1 AND e.kind IN (?2))`

func (s eventLog) feedHeads(ctx context.Context, viewer string, which func(*bun.SelectQuery) *bun.SelectQuery) ([]db.Head, error) {
	heads := []db.Head{}
	err := s.query(ctx, func(ctx context.Context, conn bun.IDB) error {
		return which(selectHeads(conn).ColumnExpr("COALESCE(me.joined_seq, 0) AS joined_seq, me.user_id IS NOT NULL AS member").
			Join("LEFT JOIN chat_members AS me ON me.chat_id = c.id AND me.user_id = ?", viewer)).
			OrderExpr("c.id").Scan(ctx, &heads)
	})
	if err != nil {
		return nil, err
	}
	s.sawHeads(heads)
	return heads, nil
}

// Heads implements db.Repository.
func (s eventLog) Heads(ctx context.Context, chatIDs []string) ([]db.Head, error) {
	heads := []db.Head{}
	if len(chatIDs) == 0 {
		return heads, nil
	}
	err := s.query(ctx, func(ctx context.Context, conn bun.IDB) error {
		return selectHeads(conn).Where("c.id IN (?)", bun.List(chatIDs)).Scan(ctx, &heads)
	})
	if err != nil {
		return nil, err
	}
	s.sawHeads(heads)
	return heads, nil
}

// Epoch implements db.Repository.
func (s eventLog) Epoch(ctx context.Context) (int64, error) {
	var epoch int64
	err := s.query(ctx, func(ctx context.Context, conn bun.IDB) error {
		return conn.NewSelect().TableExpr("stream_meta").Column("epoch").Scan(ctx, &epoch)
	})
	s.sawEpoch(epoch)
	return epoch, err
}
