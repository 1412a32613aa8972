package sqlstore

import (
	"database/sql"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"
)

// Dialect names a kind of database.
type Dialect string

// The dialects. Each has its folder in migrations.
const (
	Postgres Dialect = "postgres"
	SQLite   Dialect = "sqlite"
)

// traits are all that differs between the databases once they are open; the statements are the same.
type traits struct {
	version  string         // the statement that reads the product's version
	snapshot *sql.TxOptions // makes a transaction that sees one state throughout
	migrator migrationLock
	pulse    string // the statement that reads a Pulse

	fingerprints  []string // statements that identify the database, the best first; none where a copy cannot be told from the original
	reserve       string   // an expression that locks an id until the transaction ends; "" where only one transaction writes at a time
	lock, tryLock string   // take an advisory lock until the transaction ends; "" where only one transaction writes at a time
}

// newBun wraps a pool for a dialect. It ignores columns that a newer version has added, so that instances of two versions can share
// a database during a deployment.
func newBun(pool *sql.DB, dialect schema.Dialect, hook bun.QueryHook) *bun.DB {
	conn := bun.NewDB(pool, dialect, bun.WithDiscardUnknownColumns())
	if hook != nil {
		conn = conn.WithQueryHook(hook)
	}
	return conn
}
