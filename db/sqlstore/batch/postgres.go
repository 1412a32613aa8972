package batch

import (
	"cmp"
	"context"
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"studychat/db"
	"studychat/db/sqlstore/postgres"
)

// Postgres is the transaction of a batch in PostgreSQL. It takes two round trips: one begins it and reads, one stores and commits. Both
// call functions of the database, which PostgreSQL plans once per connection.
type Postgres struct {
	postgres.Session
	conn   *bun.DB
	hook   bun.QueryHook
	limit  context.Context
	begin  string // is sent with the first statements
	wait   bool   // for ids that somebody else has reserved
	stored string // is sent with COMMIT
}

var _ Tx = (*Postgres)(nil)

// rollbackTimeout is how long a rollback may take. After it the connection is closed, which ends the transaction too.
const rollbackTimeout = time.Second

// InPostgres runs do with a connection. Nothing of its transaction is left open. hook, if it is not nil, sees every round trip.
func InPostgres(limit context.Context, pool *bun.DB, hook bun.QueryHook, do func(tx *Postgres) error) error {
	conn, err := pool.DB.Conn(limit)
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
		failed = do(&Postgres{Session: session, conn: pool, hook: hook, limit: limit, begin: session.Begin() + ";\n"})
		if session.InTransaction() { // it could not even be rolled back: the pool must not give it to anybody else
			return driver.ErrBadConn
		}
		return nil
	})
	return cmp.Or(failed, err)
}

// send sends statements, and returns the rows of those that return some.
func (tx *Postgres) send(statements string, want int) ([]postgres.Rows, error) {
	ctx, event := tx.limit, &bun.QueryEvent{DB: tx.conn, Query: tx.begin + statements}
	tx.begin = ""
	if tx.hook != nil {
		event.StartTime = time.Now()
		ctx = tx.hook.BeforeQuery(ctx, event)
		defer func() { tx.hook.AfterQuery(ctx, event) }()
	}
	var results []postgres.Rows
	results, event.Err = tx.Run(ctx, event.Query)
	if event.Err == nil && len(results) != want {
		event.Err = fmt.Errorf("%d statements returned rows, not %d", len(results), want)
	}
	return results, event.Err
}

// Within implements Tx.
func (tx *Postgres) Within(limit context.Context) { tx.limit = limit }

// LockChat waits for the lock of one chat. From then on the transaction also waits for ids.
func (tx *Postgres) LockChat(id string) error {
	tx.wait = true
	_, err := tx.send(tx.conn.QueryGen().FormatQuery("SELECT id FROM chats WHERE id = ? FOR NO KEY UPDATE", id), 1)
	return err
}

// Read implements Tx.
func (tx *Postgres) Read(b *Batch) error {
	results, err := tx.send(b.readText(tx.conn.QueryGen(), tx.wait), 1)
	if err != nil {
		return err
	}
	return b.scan(results[0])
}

// Stored implements Tx.
func (tx *Postgres) Stored(ids []string) (messages []*db.Message, err error) {
	results, err := tx.send(selectStored(tx.conn, &messages, ids).String(), 1)
	if err != nil {
		return nil, err
	}
	return scanMessages(tx.conn, results[0])
}

// Store implements Tx.
func (tx *Postgres) Store(messages []*db.Message, chats []*Chat) error {
	tx.stored = storeText(tx.conn.QueryGen(), messages, chats) + ";\n"
	return nil
}

// Commit stores and commits. If a statement fails, the server runs none of those behind it.
func (tx *Postgres) Commit() error {
	_, err := tx.send(tx.stored+"COMMIT", 1)
	if err != nil {
		_ = tx.Rollback()
	}
	return err
}

// Rollback ends the transaction, if it has begun: also after the time of the batch was over, since a connection that goes back in a
// transaction keeps its locks.
func (tx *Postgres) Rollback() error {
	if !tx.InTransaction() {
		return nil
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(tx.limit), rollbackTimeout)
	defer cancel()
	tx.Within(limit)
	_, err := tx.send("ROLLBACK", 0)
	return err
}
