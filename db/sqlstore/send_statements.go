package sqlstore

import (
	"cmp"
	"context"
	"database/sql/driver"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"studychat/db"
	"studychat/db/sqlstore/postgres"
)

// lockChats locks the chats of those calls whose viewers are members, in the order of their ids, and skips chats that somebody else has
// locked. ?0 is the stamp, ?1 pairs of chat and viewer, ?2 the lock.
//
// It does not say who is a member: it may have seen the members of before the lock. readCalls, a statement of its own, does.
const lockChats = `SELECT c.id, c.head_seq, c.last_at, c.last_message_at, ` + epochExpr + `, ?0 AS stamp FROM chats AS c
WHERE c.deleted_at IS NULL AND c.id IN (SELECT cm.chat_id FROM chat_members AS cm WHERE (cm.chat_id, cm.user_id) IN (VALUES ?1))
ORDER BY c.id ?2`

// readCalls reads a callRow per call. ?0 is rows of number, chat, viewer, id, id of the message to reply to, whether the call is the
// chat's first; ?1 the aggregate that makes JSON, ?2 rosterLimit. (Subqueries with EXISTS would take PostgreSQL longer to plan.)
const readCalls = `SELECT i.column1 AS n,
(SELECT 1 FROM chat_members AS cm JOIN chats AS c ON c.id = cm.chat_id WHERE cm.chat_id = i.column2 AND cm.user_id = i.column3 AND c.deleted_at IS NULL) IS NOT NULL AS member,
(SELECT 1 FROM chats AS o WHERE o.id = i.column4) IS NOT NULL AS taken,
(SELECT 1 FROM messages AS o WHERE o.id = i.column4) IS NOT NULL AS sent,
(i.column5 IS NULL OR (SELECT 1 FROM messages AS r WHERE r.id = i.column5 AND r.chat_id = i.column2) IS NOT NULL) AS replies,
CASE WHEN i.column6 THEN (SELECT ?1(m.user_id) FROM (SELECT cm.user_id FROM chat_members AS cm WHERE cm.chat_id = i.column2 LIMIT ?2) AS m) END AS users
FROM (VALUES ?0) AS i`

// moveChats gives chats their new head. ?0 is rows of chat, number and two times.
const moveChats = `UPDATE chats AS c SET head_seq = v.column2, last_at = v.column3, last_message_at = v.column4 FROM (VALUES ?0) AS v WHERE c.id = v.column1`

// The reservation of ids: see reserveID. tryIDs returns the ids that somebody else has reserved.
const (
	tryIDs  = `SELECT k.column1 AS id FROM (VALUES ?0) AS k WHERE NOT pg_try_advisory_xact_lock(hashtextextended(k.column1, 0))`
	waitIDs = `SELECT pg_advisory_xact_lock(hashtextextended(k.column1, 0)) FROM (VALUES ?0) AS k`
)

// rows is rows of values, such as (1, 'a'), (2, 'b'), each in the form of one row, such as "?, CAST(? AS uuid)".
func (s *database) rows(form string, n int, values func(i int) []any) schema.QueryAppender {
	gen := s.writer.QueryGen()
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

func (b *batch) lockText(s *database) string {
	return s.writer.QueryGen().FormatQuery(lockChats, s.stampNow(), s.rows(s.traits.batch.id+", ?", len(b.calls), func(i int) []any {
		return []any{b.calls[i].Key, b.calls[i].Item.viewer}
	}), bun.SafeQuery(s.traits.batch.lock))
}

func (b *batch) readText(s *database) string {
	id := s.traits.batch.id
	seen := make(map[string]bool, len(b.calls))
	rows := s.rows("?, "+id+", ?, "+id+", "+id+", ?", len(b.calls), func(i int) []any {
		call := b.calls[i]
		first := !seen[call.Key]
		seen[call.Key] = true
		return []any{i, call.Key, call.Item.viewer, call.Item.message.ID, call.Item.message.ReplyTo, first}
	})
	return s.writer.QueryGen().FormatQuery(readCalls, rows, bun.SafeQuery(s.traits.batch.jsonArray), rosterLimit)
}

func (b *batch) reserveText(s *database, statement string) string {
	ids := make([]string, len(b.calls))
	for i, call := range b.calls {
		ids[i] = call.Item.message.ID
	}
	slices.Sort(ids) // two transactions that wait for ids do so in the same order
	return s.writer.QueryGen().FormatQuery(statement, s.rows("?", len(ids), func(i int) []any { return []any{ids[i]} }))
}

func moveText(s *database, chats []*chatRow) string {
	form := s.traits.batch.id + ", ?, " + s.traits.batch.time + ", " + s.traits.batch.time
	return s.writer.QueryGen().FormatQuery(moveChats, s.rows(form, len(chats), func(i int) []any {
		return []any{chats[i].ID, chats[i].HeadSeq, chats[i].LastAt, chats[i].LastMessageAt}
	}))
}

// inSendTx runs do in a transaction. Nothing of it is left open.
func (s *sends) inSendTx(limit context.Context, do func(tx sendTx) error) error {
	if s.dialect == Postgres {
		return s.inSession(limit, func(tx *sessionTx) error { return do(tx) })
	}
	tx, err := s.begin(limit, limit)
	if err != nil {
		return err
	}
	return do(&bunTx{Tx: tx, database: s.database})
}

// bunTx is the transaction of a batch in a database within this process, where a statement costs no round trip.
type bunTx struct {
	bun.Tx
	*database
	limit context.Context
}

func (tx *bunTx) within(limit context.Context) { tx.limit = limit }

func (tx *bunTx) read(b *batch) error {
	var chats []*chatRow
	if err := tx.NewRaw(b.lockText(tx.database)).Scan(tx.limit, &chats); err != nil {
		return err
	}
	var rows []*callRow
	if err := tx.NewRaw(b.readText(tx.database)).Scan(tx.limit, &rows); err != nil {
		return err
	}
	return b.add(chats, rows, nil)
}

func (tx *bunTx) messages(ids []string) (messages []*db.Message, err error) {
	err = tx.NewSelect().Model(&messages).Where("id IN (?)", bun.List(ids)).Scan(tx.limit)
	return messages, err
}

func (tx *bunTx) store(messages []*db.Message, chats []*chatRow) error {
	for _, statement := range storeTexts(tx.database, messages, chats) {
		if _, err := tx.ExecContext(tx.limit, statement); err != nil {
			return err
		}
	}
	return nil
}

// sessionTx is the transaction of a batch in PostgreSQL. It sends many statements at once: what is to be stored travels with COMMIT.
type sessionTx struct {
	postgres.Session
	*database
	limit  context.Context
	begin  string // is sent with the first statements
	wait   bool   // for ids that somebody else has reserved
	stored string // is sent with COMMIT
}

// rollbackTimeout is how long a rollback may take. After it the connection is closed, which ends the transaction too.
const rollbackTimeout = time.Second

// inSession runs do with a connection.
func (s *sends) inSession(limit context.Context, do func(tx *sessionTx) error) error {
	conn, err := s.writer.DB.Conn(limit)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // gives it back
	var failed error
	err = conn.Raw(func(driverConn any) error {
		session, err := postgres.SessionOf(driverConn)
		if err != nil {
			return err
		}
		failed = do(&sessionTx{Session: session, database: s.database, limit: limit, begin: session.Begin() + ";\n"})
		if session.InTransaction() { // it could not even be rolled back: the pool must not give it to anybody else
			return driver.ErrBadConn
		}
		return nil
	})
	return cmp.Or(failed, err)
}

// send sends statements, and scans the rows of those that return some.
func (tx *sessionTx) send(statements string, dest ...any) error {
	ctx, event := tx.limit, &bun.QueryEvent{DB: tx.writer, Query: tx.begin + statements}
	tx.begin = ""
	if tx.hook != nil {
		event.StartTime = time.Now()
		ctx = tx.hook.BeforeQuery(ctx, event)
		defer func() { tx.hook.AfterQuery(ctx, event) }()
	}
	var results []postgres.Rows
	results, event.Err = tx.Run(ctx, event.Query)
	if event.Err == nil && len(results) != len(dest) {
		event.Err = fmt.Errorf("%d statements returned rows, not %d", len(results), len(dest))
	}
	for i := 0; event.Err == nil && i < len(dest); i++ {
		event.Err = scanRows(tx.database, results[i], dest[i])
	}
	return event.Err
}

func (tx *sessionTx) within(limit context.Context) { tx.limit = limit }

// lockChat waits for the lock of one chat.
func (tx *sessionTx) lockChat(id string) error {
	var none []*chatRow
	tx.wait = true
	return tx.send(tx.writer.QueryGen().FormatQuery("SELECT id FROM chats WHERE id = ? FOR NO KEY UPDATE", id), &none)
}

func (tx *sessionTx) read(b *batch) error {
	reserve := tryIDs
	if tx.wait {
		reserve = waitIDs
	}
	var chats []*chatRow
	var rows []*callRow
	var held []*heldRow
	err := tx.send(b.lockText(tx.database)+";\n"+b.reserveText(tx.database, reserve)+";\n"+b.readText(tx.database), &chats, &held, &rows)
	if err != nil {
		return err
	}
	return b.add(chats, rows, held)
}

func (tx *sessionTx) messages(ids []string) (messages []*db.Message, err error) {
	return messages, tx.send(tx.writer.NewSelect().Model(&messages).Where("id IN (?)", bun.List(ids)).String(), &messages)
}

func (tx *sessionTx) store(messages []*db.Message, chats []*chatRow) error {
	tx.stored = ""
	for _, statement := range storeTexts(tx.database, messages, chats) {
		tx.stored += statement + ";\n"
	}
	return nil
}

// Commit stores and commits. If a statement fails, the server runs none of those behind it.
func (tx *sessionTx) Commit() error {
	err := tx.send(tx.stored + "COMMIT")
	if err != nil {
		_ = tx.Rollback()
	}
	return err
}

// Rollback ends the transaction, if it has begun: also after the time of the batch was over, since a connection that goes back in a
// transaction keeps its locks.
func (tx *sessionTx) Rollback() error {
	if !tx.InTransaction() {
		return nil
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(tx.limit), rollbackTimeout)
	defer cancel()
	tx.within(limit)
	return tx.send("ROLLBACK")
}

// scanRows scans rows into a pointer to a slice of pointers to structs, as Bun does.
func scanRows(s *database, rows postgres.Rows, dest any) error {
	slice := reflect.ValueOf(dest).Elem()
	kind := slice.Type().Elem().Elem()
	table := s.writer.Table(kind)
	for row := range rows.Len() {
		value := reflect.New(kind)
		err := rows.Each(row, func(column string, text []byte) error {
			field := table.LookupField(column)
			if field == nil || text == nil {
				return nil
			}
			return field.ScanValue(value.Elem(), string(text))
		})
		if err != nil {
			return err
		}
		slice.Set(reflect.Append(slice, value))
	}
	return nil
}

// storeTexts are the statements that store messages and move their chats. The messages come first: then their foreign key finds the
// chat's row locked by this transaction already.
func storeTexts(s *database, messages []*db.Message, chats []*chatRow) []string {
	return []string{s.writer.NewInsert().Model(&messages).Returning("NULL").String(), moveText(s, chats)}
}
