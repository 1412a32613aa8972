package postgres

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// IsUnavailable says whether err is the fault of the server or of the connection rather than of the statement: trying again
// later may help. known is false for an error that did not come from PostgreSQL or its driver.
func IsUnavailable(err error) (unavailable, known bool) {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return isUnavailable(pgErr.Code), true
	}
	_, noConnection := errors.AsType[*pgconn.ConnectError](err)
	broken := noConnection || pgconn.SafeToRetry(err) // the connection broke before anything was sent
	return broken, broken
}

// isUnavailable says whether a state (SQLSTATE) is about the server and not about the statement.
func isUnavailable(code string) bool {
	switch code {
	case "57014", // query_canceled: the client's deadline, or statement_timeout
		"57P01", "57P02", "57P03", "57P05", // shut down, crashed, starting up, idle session
		"25P03", "25P04", // idle_in_transaction_session_timeout, transaction_timeout: see Limits
		"25006",          // read_only_sql_transaction: a standby, during a failover
		"55P03",          // lock_not_available: lock_timeout
		"40001", "40P01": // serialization failure, deadlock; after the retries
		return true
	}
	// connection exception; insufficient resources, such as too many connections; system error
	return strings.HasPrefix(code, "08") || strings.HasPrefix(code, "53") || strings.HasPrefix(code, "58")
}

// IsConflict says whether the server aborted a transaction because of a concurrent one: a repeat may succeed.
func IsConflict(err error) bool { return hasCode(err, "40001") || hasCode(err, "40P01") }

// IsLockTimeout says whether the server aborted a transaction because a lock was not released within Limits.Lock.
func IsLockTimeout(err error) bool { return hasCode(err, "55P03") }

func hasCode(err error, code string) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pgErr.Code == code
}

// IsRefusal says whether err proves that the server did not commit. Any other error at COMMIT leaves the outcome open: a
// FATAL message or a broken connection may come before or after the commit took place. Of the FATAL messages one is certain:
// a session whose time to be idle in a transaction ran out never saw the COMMIT.
func IsRefusal(err error) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pgErr.Severity == "ERROR" || pgErr.Code == "25P03") || errors.Is(err, pgx.ErrTxCommitRollback)
}
