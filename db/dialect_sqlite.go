package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite" // also the driver "sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// sqliteBusyTimeout is how long one attempt waits for the write lock of another process. It is short because SQLite's
// wait cannot be interrupted: untilFree repeats it for as long as the caller has time.
const sqliteBusyTimeout = 100 * time.Millisecond

// untilFree repeats what failed because another process holds a lock on the file, until ctx ends. On PostgreSQL
// it does do once.
func untilFree(ctx context.Context, do func() error) error {
	for {
		err := do()
		if err == nil || ctx.Err() != nil || !isBusySQLite(err) {
			return err
		}
	}
}

// sqliteTime is a time as SQLite keeps it: text of one width, UTC, so that comparing the text compares the times, MAX
// works, and the sqlite3 shell shows something that can be read. (Integers would save 18 bytes a row and show nothing;
// Bun's own format drops trailing zeros, so it does not sort.)
const sqliteTime = "'2006-01-02 15:04:05.000000'"

// sqliteDialect is Bun's, with times of one width.
type sqliteDialect struct{ *sqlitedialect.Dialect }

func (sqliteDialect) AppendTime(b []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(b, sqliteTime)
}

// openSQLite opens a file with one connection that writes and several that read beside it (WAL).
//
// Writers wait for each other in the pool, in order, rather than in SQLite, which polls. A database in memory has one
// connection for all: it belongs to its connection, and SQLite's ways of sharing one (shared cache, memdb) make
// readers wait for writers all the same.
func openSQLite(path string, opts OpenOptions) (*Store, error) {
	if path == "" || strings.Contains(path, "?") {
		return nil, errors.New("the database URL has no usable path: want sqlite:PATH without parameters")
	}
	store := &Store{
		dialect: SQLite,
		about:   Description{Product: "SQLite", Address: path},
		guard:   opts.Guard,
		log:     opts.Log,
		gate:    newGate(1),
		traits: traits{
			version:  "SELECT sqlite_version()",
			pulse:    sqlitePulse,
			snapshot: &sql.TxOptions{ReadOnly: true}, // a deferred one: the first SELECT fixes what it sees
			migrator: sqliteLock{},
		},
	}
	writer, err := openSQLitePool(path, 1, url.Values{"_txlock": {"immediate"}}, opts.Hook)
	if err != nil {
		return nil, err
	}
	store.writer, store.reader, store.vitals = writer, writer, writer
	if path == ":memory:" {
		return store, nil
	}
	store.reader, err = openSQLitePool(path, opts.MaxConns, url.Values{"_query_only": {"1"}}, opts.Hook)
	if err != nil {
		_ = writer.Close()
		return nil, err
	}
	store.vitals = store.reader
	return store, nil
}

// openSQLitePool sets each connection up. synchronous is FULL: in WAL mode NORMAL would lose the last commits in a power
// cut, and what was acknowledged is to survive any crash. That is one fsync a commit.
func openSQLitePool(path string, conns int, params url.Values, hook bun.QueryHook) (*bun.DB, error) {
	params.Set("_busy_timeout", fmt.Sprint(sqliteBusyTimeout.Milliseconds())) // the driver sets it first
	params.Set("_journal_mode", "WAL")
	params.Set("_synchronous", "FULL")
	params.Set("_foreign_keys", "1")
	params.Set("_dqs", "0") // "a typo" is no string
	name := path
	if path != ":memory:" {
		name = "file:" + (&url.URL{Path: path}).EscapedPath()
	}
	pool, err := sql.Open("sqlite", name+"?"+params.Encode())
	if err != nil {
		return nil, fmt.Errorf("open SQLite: %w", err)
	}
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	return newBun(pool, sqliteDialect{sqlitedialect.New()}, hook), nil
}

// probeWrite finds out whether the file can be written: SQLite opens a file that it may only read without a word, and even
// starts a transaction for writing as one for reading. What the probe creates is rolled back before it reaches the file.
func (s *Store) probeWrite(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	if err := untilFree(limited, func() error { return s.writer.PingContext(limited) }); err != nil {
		return s.fail(ctx, err)
	}
	tx, err := s.writer.BeginTx(limited, nil)
	if isBusySQLite(err) {
		return nil // only a file that can be written has a lock for writing to wait for
	}
	if err != nil {
		return s.fail(ctx, err)
	}
	defer func() { _ = tx.Rollback() }()
	_, err = tx.ExecContext(limited, "CREATE TABLE studychat_write_probe (n INTEGER)")
	return s.fail(ctx, err)
}

// explainSQLite says in a sentence that a file cannot be opened or written. Other errors stay as they are.
func explainSQLite(path string, err error) error {
	liteErr, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch liteErr.Code() & 0xff {
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return fmt.Errorf("SQLite cannot open and write the file %s, or %s-wal and %s-shm beside it: "+
			"check that the folder exists, and who may write to the folder and to these files: %w", path, path, path, liteErr)
	}
	return err
}

// sqlitePulse asks what Pulse holds. The time is this machine's. Nobody tells when the transactions of other processes began.
const sqlitePulse = `SELECT ?0 AS now, m.epoch, FALSE AS told, o.instance, o.since, o.until, NULL AS oldest
FROM stream_meta AS m LEFT JOIN cache_outages AS o ON TRUE`
