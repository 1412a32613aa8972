package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"studychat/db/sqlstore/sqlite"
)

// openSQLite opens a file with one connection that writes and several that read beside it (WAL).
//
// Writers wait for each other in the pool, in order, rather than in SQLite, which polls. A database in memory has a single connection,
// because it belongs to its connection, and in SQLite's ways to share one (shared cache, memdb) readers wait for writers anyway.
func openSQLite(path string, opts OpenOptions) (*Store, error) {
	if path == "" || strings.Contains(path, "?") {
		return nil, errors.New("the database URL has no usable path: want sqlite:PATH without parameters")
	}
	d := &database{
		dialect: SQLite,
		about:   Description{Product: "SQLite", Address: path},
		log:     opts.Log,
		stats:   opts.stats,
		traits: traits{
			version:  "SELECT sqlite_version()",
			record:   sqliteRecord,
			pulse:    sqlitePulse,
			snapshot: &sql.TxOptions{ReadOnly: true}, // a deferred one: the first SELECT fixes what it sees
			changing: changeSQLite,
		},
	}
	writer, err := openSQLitePool(path, 1, url.Values{"_txlock": {"immediate"}}, opts.Hook)
	if err != nil {
		return nil, err
	}
	d.writer, d.reader, d.vitals = writer, writer, writer
	if path == ":memory:" {
		return newStore(d, opts, 1), nil
	}
	d.reader, err = openSQLitePool(path, opts.MaxConns, url.Values{"_query_only": {"1"}}, opts.Hook)
	if err != nil {
		_ = writer.Close()
		return nil, err
	}
	d.vitals = d.reader
	return newStore(d, opts, 1), nil
}

func openSQLitePool(path string, conns int, params url.Values, hook bun.QueryHook) (*bun.DB, error) {
	pool, err := sqlite.Open(path, conns, params)
	if err != nil {
		return nil, err
	}
	return newBun(pool, sqlite.NewDialect(), hook), nil
}

// probeWrite checks that the file can be written: SQLite opens a read-only file without an error, and even starts a transaction for
// writing as one for reading. The rollback removes what the probe creates before it reaches the file.
func (s *database) probeWrite(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	if err := sqlite.UntilFree(limited, func() error { return s.writer.PingContext(limited) }); err != nil {
		return s.fail(ctx, err)
	}
	tx, err := s.writer.BeginTx(limited, nil)
	if sqlite.IsBusy(err) {
		return nil // only a writable file has a write lock to wait for
	}
	if err != nil {
		return s.fail(ctx, err)
	}
	defer func() { _ = tx.Rollback() }()
	_, err = tx.ExecContext(limited, "CREATE TABLE studychat_write_probe (n INTEGER)")
	return s.fail(ctx, err)
}

const sqliteRecord = `SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'bun_migrations') AS record,
EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'migration_notes') AS notes`

// sqlitePulse reads a Pulse. Its time is this machine's. SQLite does not tell when the transactions of other processes began.
const sqlitePulse = `SELECT ?0 AS now, m.epoch, m.database_id, FALSE AS told, o.instance, o.since, o.until, NULL AS oldest
FROM stream_meta AS m LEFT JOIN cache_outages AS o ON TRUE`

// sqliteHorizonWait is how long the pulse waits for the write lock. While a write takes longer, the horizon stays.
const sqliteHorizonWait = 100 * time.Millisecond

// sqliteHorizon is Pulse.Horizon of a database that does not tell when transactions began. SQLite has one writer at a time across all
// processes, and each stamps by this machine's clock once it has the write lock. So a process that holds the lock for a moment knows
// that no write is running and that all later writes get later stamps.
func (s *heartbeat) sqliteHorizon(ctx context.Context, now time.Time) time.Time {
	limited, cancel := context.WithTimeout(ctx, sqliteHorizonWait)
	defer cancel()
	tx, err := s.writer.BeginTx(limited, nil)
	if err == nil {
		defer func() { _ = tx.Rollback() }()
		return s.Now()
	}
	horizon := now.Add(-boundlessWrite)
	if last := s.Pulse(); last != nil && last.Horizon.After(horizon) {
		horizon = last.Horizon
	}
	return horizon
}
