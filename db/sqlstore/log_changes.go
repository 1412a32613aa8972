package sqlstore

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"studychat/db"
)

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
