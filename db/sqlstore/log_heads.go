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
			Where("c.id = ? AND own.user_id = ?", chatID, viewer).Scan(ctx, &head), "chat")
	})
	s.sawEpoch(head.Epoch)
	return head, err
}

// FeedHeads implements db.Repository. Only the event of a removal tells who was removed from a chat.
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
// scan all chats.)
const everMemberOf = `c.id IN (SELECT own.chat_id FROM chat_members AS own WHERE own.user_id = ?0
UNION SELECT e.chat_id FROM chat_events AS e WHERE e.subject_id = ?0 AND e.created_at >= ?1 AND e.kind IN (?2))`

func (s eventLog) feedHeads(ctx context.Context, viewer string, which func(*bun.SelectQuery) *bun.SelectQuery) ([]db.Head, error) {
	heads := []db.Head{}
	err := s.query(ctx, func(ctx context.Context, conn bun.IDB) error {
		return which(selectHeads(conn).ColumnExpr("COALESCE(me.joined_seq, 0) AS joined_seq, me.user_id IS NOT NULL AS member").
			Join("LEFT JOIN chat_members AS me ON me.chat_id = c.id AND me.user_id = ?", viewer)).
			OrderExpr("c.id").Scan(ctx, &heads)
	})
	s.sawHeads(heads)
	return heads, err
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
	s.sawHeads(heads)
	return heads, err
}

// changes has a row without a chat when nothing has changed: the epoch is always there. The numbers of a chat rise with the times, so
// that its highest number is its head.
const changes = `SELECT s.epoch, c.chat_id, c.seq FROM stream_meta AS s LEFT JOIN (
SELECT x.chat_id, MAX(x.seq) AS seq FROM (
SELECT m.chat_id, m.seq FROM messages AS m WHERE m.created_at >= ?0
UNION ALL SELECT e.chat_id, e.seq FROM chat_events AS e WHERE e.created_at >= ?0) AS x
GROUP BY x.chat_id LIMIT ?1) AS c ON TRUE`

// Changes implements db.Repository.
func (s eventLog) Changes(ctx context.Context, since time.Time, limit int) (db.Changes, error) {
	var rows []struct {
		Epoch  int64
		ChatID *string
		Seq    int64
	}
	err := s.query(ctx, func(ctx context.Context, conn bun.IDB) error {
		return conn.NewRaw(changes, since, limit).Scan(ctx, &rows)
	})
	found := db.Changes{Heads: make(map[string]int64, len(rows))}
	for _, row := range rows {
		found.Epoch = row.Epoch
		if row.ChatID != nil {
			found.Heads[*row.ChatID] = row.Seq
		}
	}
	s.sawEpoch(found.Epoch)
	return found, err
}

// Epoch implements db.Repository.
func (s eventLog) Epoch(ctx context.Context) (int64, error) {
	meta, err := s.readMeta(ctx)
	return meta.Epoch, err
}

// seqBefore finds the number of the chat's newest event before a time. Numbers have no gaps and times rise with them, so it is a
// binary search: a chat with 100,000 newer events costs 17 steps in one statement. The event lo is older than the time, or is the
// floor; the events after hi are not older.
const seqBefore = `WITH RECURSIVE search (lo, hi) AS (
SELECT c.floor_seq, c.head_seq FROM chats AS c WHERE c.id = ?0
UNION ALL
SELECT CASE WHEN COALESCE(m.created_at, e.created_at) < ?1 THEN (s.lo + s.hi + 1) / 2 ELSE s.lo END,
       CASE WHEN COALESCE(m.created_at, e.created_at) < ?1 THEN s.hi ELSE (s.lo + s.hi + 1) / 2 - 1 END
FROM search AS s
LEFT JOIN messages AS m ON m.chat_id = ?0 AND m.seq = (s.lo + s.hi + 1) / 2
LEFT JOIN chat_events AS e ON e.chat_id = ?0 AND e.seq = (s.lo + s.hi + 1) / 2
WHERE s.lo < s.hi)
`

// standing is one statement, and so one snapshot: two statements would read membership and log at different moments, and would miss
// a viewer who is added again in between. Additions and removals of one user alternate, so the first removal after the place ends
// the first membership that was not over there, and an addition between the two began it. (The "+ 0" keeps both databases from
// scanning the chat's events by number, few of which concern the user: over 200,000 edits that took half a second instead of a
// millisecond.)
const standing = seqBefore + `SELECT c.id, c.head_seq, c.floor_seq, c.floor_at, c.last_at, c.deleted_at, ` + epochExpr + `,
own.user_id IS NOT NULL AS member, (SELECT MIN(s.lo) FROM search AS s WHERE s.lo >= s.hi) AS before,
COALESCE(CASE WHEN r.seq IS NULL THEN own.joined_seq ELSE (SELECT MAX(a.seq + 0) FROM chat_events AS a
WHERE a.chat_id = ?0 AND a.subject_id = ?2 AND a.kind IN (?4) AND a.created_at >= ?1 AND a.seq + 0 > ?3 AND a.seq + 0 < r.seq) END, 0) AS joined_seq,
r.seq AS removed_seq, r.kind AS removal, r.actor_id AS removed_by, r.created_at AS removed_at
FROM chats AS c
LEFT JOIN chat_members AS own ON own.chat_id = c.id AND own.user_id = ?2
LEFT JOIN chat_events AS r ON r.chat_id = c.id AND r.seq = (SELECT MIN(e.seq + 0) FROM chat_events AS e
WHERE e.chat_id = ?0 AND e.subject_id = ?2 AND e.kind IN (?5) AND e.created_at >= ?1 AND e.seq + 0 > ?3)
WHERE c.id = ?0`

// Standing implements db.Repository.
func (s eventLog) Standing(ctx context.Context, viewer, chatID string, place db.FeedPlace) (*db.Standing, error) {
	var row struct {
		db.Head
		Before     int64
		FloorAt    *time.Time
		RemovedSeq *int64
		Removal    *db.EventKind
		RemovedBy  *string
		RemovedAt  *time.Time
	}
	err := s.query(ctx, func(ctx context.Context, conn bun.IDB) error {
		return notFound(conn.NewRaw(standing, chatID, place.Since, viewer, place.Seq, joinKinds, leaveKinds).Scan(ctx, &row), "chat")
	})
	if err != nil {
		return nil, err
	}
	s.sawEpoch(row.Epoch)
	found := &db.Standing{Head: row.Head, Before: row.Before, FloorAt: row.FloorAt}
	if row.RemovedSeq != nil {
		found.Removed = &db.Event{
			ChatID: chatID, Seq: *row.RemovedSeq, Epoch: row.Epoch, Kind: *row.Removal, Actor: *row.RemovedBy, At: *row.RemovedAt,
			Member: &db.Member{ChatID: chatID, UserID: viewer},
		}
	}
	return found, nil
}
