package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// fail turns what the database and its driver say into what Repository promises. It is the only place that does.
// ctx is the caller's, without the deadline that the store has put on it.
func (s *Store) fail(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	if ctx.Err() != nil { // the caller gave up: whatever came of it, that is why
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	if s.closed.Load() || isUnavailable(err) {
		return Unavailable(err)
	}
	return err
}

// failWriting is fail for a write. One that found too many others, or whose time was up, is told when to come back.
func (s *Store) failWriting(ctx context.Context, err error) error {
	if _, ok := errors.AsType[*Error](err); !ok && ctx.Err() == nil && errors.Is(err, errCrowded) {
		return crowded(err)
	}
	return s.fail(ctx, err)
}

// isUnavailable says whether err is the database's fault rather than ours: trying again later may help.
func isUnavailable(err error) bool {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return isUnavailablePostgres(pgErr.Code)
	}
	if liteErr, ok := errors.AsType[*sqlite.Error](err); ok {
		return isUnavailableSQLite(liteErr.Code())
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	for _, cause := range []error{
		context.DeadlineExceeded, context.Canceled, // ours: the caller's was seen to before
		sql.ErrConnDone, sql.ErrTxDone, driver.ErrBadConn, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed,
	} {
		if errors.Is(err, cause) {
			return true
		}
	}
	return pgconn.SafeToRetry(err) // the connection broke before anything was sent
}

// isUnavailablePostgres knows the states (SQLSTATE) that are about the server and not about the statement.
func isUnavailablePostgres(code string) bool {
	switch code {
	case "57014", // query_canceled: our deadline, or statement_timeout
		"57P01", "57P02", "57P03", "57P05", // shut down, crashed, starting up, idle session
		"25P03", "25P04", // idle_in_transaction_session_timeout, transaction_timeout: see postgresLimits
		"25006",          // read_only_sql_transaction: a standby, during a failover
		"55P03",          // lock_not_available: lock_timeout
		"40001", "40P01": // serialization failure, deadlock; after the retries
		return true
	}
	// connection exception; insufficient resources, such as too many connections; system error
	return strings.HasPrefix(code, "08") || strings.HasPrefix(code, "53") || strings.HasPrefix(code, "58")
}

func isUnavailableSQLite(code int) bool {
	switch code & 0xff { // the rest is detail
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_FULL,
		sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM,
		sqlite3.SQLITE_READONLY: // the mount or the permissions changed under us: Open refuses a file that starts like this
		return true
	}
	return false
}

// isBusySQLite says whether another process holds the write lock.
func isBusySQLite(err error) bool {
	liteErr, ok := errors.AsType[*sqlite.Error](err)
	return ok && liteErr.Code()&0xff == sqlite3.SQLITE_BUSY
}

// isConflict says whether the database gave up a transaction only because of others: it is run again.
func isConflict(err error) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pgErr.Code == "40001" || pgErr.Code == "40P01")
}

// isLockTimeout says whether the database gave up a transaction because a lock did not come free within lockWait.
func isLockTimeout(err error) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pgErr.Code == "55P03"
}

// isRefusal says whether err is the database's word that it did not commit. Anything else at COMMIT leaves the outcome
// open: a FATAL message or a broken connection may come before or after the commit took place. Of the FATAL messages
// one is certain: a session whose time to be idle in a transaction ran out never saw the COMMIT.
func isRefusal(err error) bool {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pgErr.Severity == "ERROR" || pgErr.Code == "25P03"
	}
	if liteErr, ok := errors.AsType[*sqlite.Error](err); ok {
		code := liteErr.Code() & 0xff
		return code == sqlite3.SQLITE_BUSY || code == sqlite3.SQLITE_FULL
	}
	return errors.Is(err, sql.ErrTxDone) // its time ran out before COMMIT was sent
}
