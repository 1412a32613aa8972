package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"studychat/db"

	"github.com/jackc/pgx/v5/pgconn"
)

func pgError(code, severity string) error {
	return fmt.Errorf("wrapped: %w", &pgconn.PgError{Code: code, Severity: severity})
}

func TestFail(t *testing.T) {
	t.Parallel()
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	for _, test := range []struct {
		reason string
		ctx    context.Context
		err    error
		want   db.Code
	}{
		{"nothing", context.Background(), nil, ""},
		{"our own word", gone, db.NotFound("chat"), db.CodeNotFound},
		{"our deadline", context.Background(), context.DeadlineExceeded, db.CodeUnavailable},
		{"the caller gave up", gone, context.Canceled, db.CodeInternal}, // and wraps ctx.Err(): the edge looks for that
		{"refused", context.Background(), &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, db.CodeUnavailable},
		{"cut", context.Background(), io.ErrUnexpectedEOF, db.CodeUnavailable},
		{"bad connection", context.Background(), driver.ErrBadConn, db.CodeUnavailable},
		{"the transaction is over", context.Background(), sql.ErrTxDone, db.CodeUnavailable},
		{"too many connections", context.Background(), pgError("53300", "FATAL"), db.CodeUnavailable},
		{"admin shutdown", context.Background(), pgError("57P01", "FATAL"), db.CodeUnavailable},
		{"starting up", context.Background(), pgError("57P03", "FATAL"), db.CodeUnavailable},
		{"statement cancelled", context.Background(), pgError("57014", "ERROR"), db.CodeUnavailable},
		{"idle in a transaction for too long", context.Background(), pgError("25P03", "FATAL"), db.CodeUnavailable},
		{"in a transaction for too long", context.Background(), pgError("25P04", "FATAL"), db.CodeUnavailable},
		{"waited for a lock in vain", context.Background(), pgError("55P03", "ERROR"), db.CodeUnavailable},
		{"a standby", context.Background(), pgError("25006", "ERROR"), db.CodeUnavailable},
		{"still a deadlock", context.Background(), pgError("40P01", "ERROR"), db.CodeUnavailable},
		{"connection failure", context.Background(), pgError("08006", "ERROR"), db.CodeUnavailable},
		{"disk full", context.Background(), pgError("53100", "ERROR"), db.CodeUnavailable},
		{"a fault in a statement", context.Background(), pgError("42601", "ERROR"), db.CodeInternal},
		{"a violated constraint", context.Background(), pgError("23505", "ERROR"), db.CodeInternal},
		{"anything else", context.Background(), errors.New("what?"), db.CodeInternal},
	} {
		err := new(database).fail(test.ctx, test.err)
		if db.CodeOf(err) != test.want {
			t.Errorf("%s: got %v, want %s", test.reason, err, test.want)
		}
		if test.err != nil && !errors.Is(err, test.err) {
			t.Errorf("%s: the cause is lost in %v", test.reason, err)
		}
	}
	if err := new(database).fail(gone, io.EOF); !errors.Is(err, context.Canceled) || !errors.Is(err, io.EOF) {
		t.Errorf("a cancelled caller got %v", err)
	}
}

// TestIsRefusal says which errors at COMMIT leave no doubt. Doubt is the default.
func TestIsRefusal(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		reason string
		err    error
		want   bool
	}{
		{"a deferred constraint", pgError("23503", "ERROR"), true},
		{"a serialization failure", pgError("40001", "ERROR"), true},
		{"terminated: before or after the commit?", pgError("57P01", "FATAL"), false},
		{"ended while it was idle: COMMIT was never seen", pgError("25P03", "FATAL"), true},
		{"the transaction's time ran out: before or after the commit?", pgError("25P04", "FATAL"), false},
		{"the statement's time ran out", pgError("57014", "ERROR"), true},
		{"crashed: before or after the commit?", pgError("57P02", "FATAL"), false},
		{"rolled back when its time ran out", sql.ErrTxDone, true},
		{"timed out: was COMMIT sent?", context.DeadlineExceeded, false},
		{"cut", io.EOF, false},
		{"cut", &net.OpError{Op: "read", Err: syscall.ECONNRESET}, false},
	} {
		if got := isRefusal(test.err); got != test.want {
			t.Errorf("%s (%v): got %t", test.reason, test.err, got)
		}
	}
}
