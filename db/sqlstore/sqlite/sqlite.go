// Package sqlite opens SQLite files for Bun, and knows what the errors of the driver mean.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// busyTimeout is how long one attempt waits for the write lock of another process. It is short because SQLite's
// wait cannot be interrupted: UntilFree repeats it while the caller has time.
const busyTimeout = 100 * time.Millisecond

// UntilFree repeats do while it fails because another process holds a lock on the file, until ctx ends. With other databases it calls
// do once.
func UntilFree(ctx context.Context, do func() error) error {
	for {
		err := do()
		if err == nil || ctx.Err() != nil || !IsBusy(err) {
			return err
		}
	}
}

// timeFormat is a time as SQLite keeps it: text of one width, UTC, so that comparing the text compares the times, MAX
// works, and the sqlite3 shell shows something that can be read. (Integers would save 18 bytes a row and show nothing;
// Bun's own format drops trailing zeros, so it does not sort.)
const timeFormat = "'2006-01-02 15:04:05.000000'"

// Dialect is Bun's, with times of one width.
type Dialect struct{ *sqlitedialect.Dialect }

// NewDialect makes one.
func NewDialect() Dialect { return Dialect{sqlitedialect.New()} }

// AppendTime implements schema.Dialect.
func (Dialect) AppendTime(b []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(b, timeFormat)
}

// Open makes a pool. It sets each connection up: synchronous is FULL: in WAL mode NORMAL would lose the last commits in a power
// cut, and acknowledged writes have to survive any crash. That costs one fsync per commit.
func Open(path string, conns int, params url.Values) (*sql.DB, error) {
	params.Set("_busy_timeout", fmt.Sprint(busyTimeout.Milliseconds())) // the driver sets it first
	params.Set("_journal_mode", "WAL")
	params.Set("_synchronous", "FULL")
	params.Set("_foreign_keys", "1")
	params.Set("_dqs", "0") // an unknown name in double quotes is an error, not a string
	name := path
	if path != ":memory:" {
		name = fileURL(path)
	}
	pool, err := sql.Open("sqlite", name+"?"+params.Encode())
	if err != nil {
		return nil, fmt.Errorf("open SQLite: %w", err)
	}
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	return pool, nil
}

// fileURL is a path as SQLite's URI, without parameters.
func fileURL(path string) string { return "file:" + (&url.URL{Path: path}).EscapedPath() }

// Explain replaces the error of a file that cannot be opened or written by a sentence. It returns other errors as they are.
func Explain(path string, err error) error {
	liteErr, _ := errors.AsType[*sqlite.Error](err)
	switch resultOf(err) {
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return fmt.Errorf("SQLite cannot open and write the file %s, or %s-wal and %s-shm beside it: "+
			"check that the folder exists, and who may write to the folder and to these files: %w", path, path, path, liteErr)
	}
	return err
}

// resultOf returns SQLite's result code without its details, or SQLITE_OK for an error that did not come from SQLite.
func resultOf(err error) int {
	if liteErr, ok := errors.AsType[*sqlite.Error](err); ok {
		return liteErr.Code() & 0xff
	}
	return sqlite3.SQLITE_OK
}

// IsBusy says whether another process holds the write lock.
func IsBusy(err error) bool { return resultOf(err) == sqlite3.SQLITE_BUSY }

// IsUnavailable says whether err is the fault of the file or of other processes rather than of the statement: trying again
// later may help. known is false for an error that did not come from SQLite.
func IsUnavailable(err error) (unavailable, known bool) {
	switch resultOf(err) {
	case sqlite3.SQLITE_OK:
		return false, false
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_FULL,
		sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM,
		sqlite3.SQLITE_READONLY: // the mount or the permissions changed since the store was opened
		return true, true
	}
	return false, true
}

// IsRefusal says whether err proves that SQLite did not commit.
func IsRefusal(err error) bool { return IsBusy(err) || resultOf(err) == sqlite3.SQLITE_FULL }
