package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"

	"studychat/db"
	"studychat/db/sqlstore/counts"
	"studychat/db/sqlstore/postgres"
	"studychat/db/sqlstore/rights"
	"studychat/db/sqlstore/sqlite"
)

// MaxTransaction bounds how long a write takes, the wait for a connection and for the chat's row lock included. (Only a
// server that continues a COMMIT after the connection broke can exceed it: see Pulse.Horizon.)
const MaxTransaction = 10 * time.Second

// readTimeout bounds a read, the wait for a connection included.
const readTimeout = 5 * time.Second

// database is what all parts of the store share.
type database struct {
	dialect Dialect
	traits  traits
	about   Description
	log     *slog.Logger
	hook    bun.QueryHook // for statements that do not pass through Bun; may be nil
	tracer  Tracer        // nil: nothing is traced
	writer  *bun.DB
	reader  *bun.DB // PostgreSQL: the same as writer
	vitals  *bun.DB // for the pulse; PostgreSQL: one connection of its own
	stats   *counts.Stats
	closed  atomic.Bool
	clock   clock

	newest    atomic.Pointer[db.Pulse] // nil before the first
	seenEpoch atomic.Int64
}

// Close closes all connections and waits for running statements. It may be called again.
func (s *database) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	err := s.writer.Close()
	if s.reader != s.writer {
		err = errors.Join(err, s.reader.Close())
	}
	if s.vitals != s.reader {
		err = errors.Join(err, s.vitals.Close())
	}
	return err
}

// Ping checks that the database answers. It does not wait for the connections of reads and writes, since a database with much to do is not
// one that is away. Errors: UNAVAILABLE.
func (s *database) Ping(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var one int
	return s.fail(ctx, s.vitals.NewRaw("SELECT 1").Scan(limited, &one))
}

// Describe names the database, for the log.
func (s *database) Describe() Description { return s.about }

// Rights says what the role may do in a PostgreSQL database. Of SQLite it returns the zero value. Errors: UNAVAILABLE.
func (s *database) Rights(ctx context.Context) (found rights.Rights, err error) {
	if s.dialect != Postgres {
		return found, nil
	}
	err = s.query(ctx, func(ctx context.Context, conn bun.IDB) error {
		found, err = rights.Read(ctx, conn)
		return err
	})
	return found, err
}

// Encryption says how a new connection to PostgreSQL is encrypted, as far as the server that it reaches, which may be a pooler.
// Errors: UNAVAILABLE.
func (s *database) Encryption(ctx context.Context) (found postgres.Encryption, err error) {
	conn, err := s.writer.Conn(ctx)
	if err != nil {
		return found, s.fail(ctx, err)
	}
	defer conn.Close() //nolint:errcheck // it goes back to the pool
	err = conn.Raw(func(inner any) error {
		found = postgres.EncryptionOf(inner)
		return nil
	})
	return found, s.fail(ctx, err)
}

// Dialect returns the kind of the database.
func (s *database) Dialect() Dialect { return s.dialect }

// Stats is what the store has done. It goes on counting.
func (s *database) Stats() *counts.Stats { return s.stats }

// Pools returns the state of each pool of connections by its name.
func (s *database) Pools() map[string]sql.DBStats {
	all := map[string]sql.DBStats{"store": s.writer.Stats()}
	if s.reader != s.writer {
		all["store-read"] = s.reader.Stats()
	}
	if s.vitals != s.reader {
		all["store-pulse"] = s.vitals.Stats()
	}
	return all
}

// query reads with one statement, which is a snapshot by itself.
func (s *database) query(ctx context.Context, do func(ctx context.Context, conn bun.IDB) error) error {
	limited, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	return s.fail(ctx, do(limited, s.reader))
}

// snapshot reads with several statements that all see the same state.
func (s *database) snapshot(ctx context.Context, do func(ctx context.Context, tx bun.Tx) error) error {
	limited, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	tx, err := s.reader.BeginTx(limited, s.traits.snapshot)
	if err != nil {
		return s.fail(ctx, err)
	}
	defer func() { _ = tx.Rollback() }() // there is nothing to commit
	return s.fail(ctx, do(limited, tx))
}

// describe reads the version, and measures the clock.
func (s *database) describe(ctx context.Context) error {
	return s.query(ctx, func(ctx context.Context, conn bun.IDB) error {
		// Processes that create one SQLite file at the same time block each other when they switch it to WAL.
		err := sqlite.UntilFree(ctx, func() error { return conn.NewRaw(s.traits.version).Scan(ctx, &s.about.Version) })
		if err != nil || s.dialect != Postgres {
			return err
		}
		var answer time.Time
		before := time.Now()
		err = conn.NewRaw("SELECT clock_timestamp()").Scan(ctx, &answer)
		if err == nil {
			s.clock.measured(before, time.Now(), answer)
		}
		return err
	})
}

// epochExpr reads the current history in the same snapshot as the rest of the statement.
const epochExpr = "(SELECT epoch FROM stream_meta) AS epoch"

// SeenEpoch is the highest epoch that this Store has read, 0 before the first. A value of an older epoch, in a cache for
// instance, belongs to a history that has ended.
func (s *database) SeenEpoch() int64 { return s.seenEpoch.Load() }

func (s *database) sawEpoch(epoch int64) {
	for {
		seen := s.seenEpoch.Load()
		if epoch <= seen || s.seenEpoch.CompareAndSwap(seen, epoch) {
			return
		}
	}
}

func (s *database) sawHeads(heads []db.Head) {
	for _, head := range heads {
		s.sawEpoch(head.Epoch)
	}
}

// fail turns an error of the database or its driver into one that Repository documents. It is the only place that does. ctx is
// the caller's, without the deadline of the store.
func (s *database) fail(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*db.Error](err); ok {
		return err
	}
	if ctx.Err() != nil { // the caller gave up, and that is the reason for err
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	if s.closed.Load() || isUnavailable(err) {
		return db.Unavailable(err)
	}
	return err
}

// notFound returns NOT_FOUND of what for a statement that found no row.
func notFound(err error, what string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return db.NotFound(what)
	}
	return err
}

// mustFind returns NOT_FOUND of what unless the query finds a row.
func mustFind(ctx context.Context, q *bun.SelectQuery, what string) error {
	var one int
	return notFound(q.ColumnExpr("1").Scan(ctx, &one), what)
}

// affected is how many rows a statement has changed.
func affected(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// isUnavailable says whether err is a fault of the database rather than of the statement: a later attempt may succeed.
func isUnavailable(err error) bool {
	for _, judge := range []func(error) (unavailable, known bool){postgres.IsUnavailable, sqlite.IsUnavailable} {
		if unavailable, known := judge(err); known {
			return unavailable
		}
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	for _, cause := range []error{
		context.DeadlineExceeded, context.Canceled, // of the store's own deadline: the caller's was checked before
		sql.ErrConnDone, sql.ErrTxDone, driver.ErrBadConn, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed,
	} {
		if errors.Is(err, cause) {
			return true
		}
	}
	return false
}
