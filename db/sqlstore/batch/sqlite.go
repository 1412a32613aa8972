package batch

import (
	"context"
	"encoding/json"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"studychat/db"
)

// The statements of a database within this process, where a statement costs no round trip and only one transaction writes at a time:
// nothing has to be locked. They say the same as the functions of PostgreSQL (migrations/postgres/0002_sends.tx.up.sql).
const (
	// ?0 is chats.
	readChats = `SELECT c.id, c.head_seq, c.last_at, c.last_message_at, (SELECT epoch FROM stream_meta) AS epoch FROM chats AS c
WHERE c.deleted_at IS NULL AND c.id IN (?0)`

	// ?0 is rows of number, chat, viewer, id, id of the message to reply to, whether the call is the chat's first; ?1 is roster.
	readCalls = `SELECT i.column1 AS n,
EXISTS (SELECT 1 FROM chat_members AS cm JOIN chats AS c ON c.id = cm.chat_id WHERE cm.chat_id = i.column2 AND cm.user_id = i.column3 AND c.deleted_at IS NULL) AS member,
EXISTS (SELECT 1 FROM chats AS o WHERE o.id = i.column4) AS taken,
EXISTS (SELECT 1 FROM messages AS o WHERE o.id = i.column4) AS sent,
(i.column5 IS NULL OR EXISTS (SELECT 1 FROM messages AS r WHERE r.id = i.column5 AND r.chat_id = i.column2)) AS answers,
CASE WHEN i.column6 THEN (SELECT json_group_array(m.user_id) FROM (SELECT cm.user_id FROM chat_members AS cm WHERE cm.chat_id = i.column2 LIMIT ?1) AS m) END AS users
FROM (VALUES ?0) AS i`

	// ?0 is rows of chat, number and two times.
	moveChats = `UPDATE chats AS c SET head_seq = v.column2, last_at = v.column3, last_message_at = v.column4 FROM (VALUES ?0) AS v WHERE c.id = v.column1`
)

// SQLite is the transaction of a batch in SQLite.
type SQLite struct {
	bun.Tx
	conn  *bun.DB
	limit context.Context
	stamp time.Time
}

// NewSQLite is for a transaction of conn that has begun, and gives chats the time stamp.
func NewSQLite(conn *bun.DB, tx bun.Tx, stamp time.Time) *SQLite {
	return &SQLite{Tx: tx, conn: conn, stamp: stamp}
}

var _ Tx = (*SQLite)(nil)

// Within implements Tx.
func (tx *SQLite) Within(limit context.Context) { tx.limit = limit }

// Read implements Tx.
func (tx *SQLite) Read(b *Batch) error {
	var ids []string
	firsts := b.firsts()
	for i, call := range b.Calls {
		if firsts[i] {
			ids = append(ids, call.Key)
		}
	}
	var chats []*Chat
	if err := tx.NewRaw(readChats, bun.List(ids)).Scan(tx.limit, &chats); err != nil {
		return err
	}
	for _, chat := range chats {
		chat.LastAt, chat.LastMessageAt, chat.Stamp = chat.LastAt.UTC(), chat.LastMessageAt.UTC(), tx.stamp
	}
	calls, err := tx.calls(b, firsts)
	if err != nil {
		return err
	}
	return b.add(chats, calls)
}

func (tx *SQLite) calls(b *Batch, firsts []bool) ([]found, error) {
	rows := tx.rows("?, ?, ?, ?, ?, ?", len(b.Calls), func(i int) []any {
		item := b.Calls[i].Item
		return []any{i, b.Calls[i].Key, item.Viewer, item.Message.ID, item.Message.ReplyTo, firsts[i]}
	})
	var read []struct {
		N                            int
		Member, Taken, Sent, Answers bool
		Users                        *string // JSON
	}
	if err := tx.NewRaw(readCalls, rows, roster).Scan(tx.limit, &read); err != nil {
		return nil, err
	}
	calls := make([]found, len(read))
	for i, row := range read {
		calls[i] = found{N: row.N, Member: row.Member, Taken: row.Taken, Sent: row.Sent, Answers: row.Answers}
		if row.Users == nil {
			continue
		}
		if err := json.Unmarshal([]byte(*row.Users), &calls[i].Users); err != nil {
			return nil, err
		}
	}
	return calls, nil
}

// Stored implements Tx.
func (tx *SQLite) Stored(ids []string) (messages []*db.Message, err error) {
	return messages, selectStored(tx.conn, &messages, ids).Conn(tx.Tx).Scan(tx.limit)
}

// Store implements Tx.
func (tx *SQLite) Store(messages []*db.Message, chats []*Chat) error {
	if _, err := tx.NewInsert().Model(&messages).Returning("NULL").Exec(tx.limit); err != nil {
		return err
	}
	_, err := tx.NewRaw(moveChats, tx.rows("?, ?, ?, ?", len(chats), func(i int) []any {
		return []any{chats[i].ID, chats[i].HeadSeq, chats[i].LastAt, chats[i].LastMessageAt}
	})).Exec(tx.limit)
	return err
}

// rows is rows of values, such as (1, 'a'), (2, 'b'), each in the form of one row, such as "?, ?".
func (tx *SQLite) rows(form string, n int, values func(i int) []any) schema.QueryAppender {
	gen := tx.conn.QueryGen()
	var text []byte
	for i := range n {
		if i > 0 {
			text = append(text, ", "...)
		}
		text = append(text, '(')
		text = gen.AppendQuery(text, form, values(i)...)
		text = append(text, ')')
	}
	return bun.Safe(text) //nolint:forbidigo // Bun has quoted the values
}
