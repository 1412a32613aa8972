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

// traits is all that differs between the databases once they are open; the statements are the same.
type traits struct {
	version  string         // the statement that asks for the product's version
	snapshot *sql.TxOptions // makes a transaction that sees one state throughout
	migrator migrationLock
	pulse    string // the statement that asks what Pulse holds

	fingerprints  []string // statements that identify the database, the best first; none where a copy looks the same
	reserve       string   // an expression that locks an id until the transaction ends; "" where every writer is alone anyway
	lock, tryLock string   // take an advisory lock until the transaction ends; "" where every writer is alone anyway
}

// newBun wraps a pool for a dialect. Columns that a newer version has added are ignored, so that instances of two
// versions can share a database during a deployment.
func newBun(pool *sql.DB, dialect schema.Dialect, hook bun.QueryHook) *bun.DB {
	conn := bun.NewDB(pool, dialect, bun.WithDiscardUnknownColumns())
	if hook != nil {
		conn = conn.WithQueryHook(hook)
	}
	return conn
}
