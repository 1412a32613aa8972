package db

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"
)

// MaxTransaction bounds how long a write takes, the wait for a connection and for the chat's row lock included. (Only a
// server that goes on committing after it was cut off from us can exceed it: see Pulse.Horizon.)
const MaxTransaction = 10 * time.Second

// readTimeout bounds a read, the wait for a connection included.
const readTimeout = 5 * time.Second

// Store is the Repository on a database: PostgreSQL or SQLite, by Bun.
type Store struct {
	dialect Dialect
	traits  traits
	about   Description
	guard   WriteGuard
	log     *slog.Logger
	writer  *bun.DB
	reader  *bun.DB // PostgreSQL: the same as writer
	vitals  *bun.DB // for the pulse; PostgreSQL: one connection of its own
	gate    *gate   // to writer
	closed  atomic.Bool
	clock   clock
	pulse   pulse

	migrating sync.Mutex
	seenEpoch atomic.Int64
	blind     sync.Once // says that the database does not let itself be identified
}

var _ Repository = (*Store)(nil)

// Close gives all connections back and waits for statements under way. Idempotent.
func (s *Store) Close() error {
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

// Ping asks the database for a sign of life. Errors: UNAVAILABLE.
func (s *Store) Ping(ctx context.Context) error {
	return s.query(ctx, func(ctx context.Context, db bun.IDB) error {
		var one int
		return db.NewRaw("SELECT 1").Scan(ctx, &one)
	})
}

// Describe says which database this is, for the log.
func (s *Store) Describe() Description { return s.about }

// Dialect says which kind of database this is.
func (s *Store) Dialect() Dialect { return s.dialect }

// query reads with one statement, which is a snapshot by itself.
func (s *Store) query(ctx context.Context, do func(ctx context.Context, db bun.IDB) error) error {
	limited, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	return s.fail(ctx, do(limited, s.reader))
}

// snapshot reads with several statements that all see the same state.
func (s *Store) snapshot(ctx context.Context, do func(ctx context.Context, tx bun.Tx) error) error {
	limited, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	tx, err := s.reader.BeginTx(limited, s.traits.snapshot)
	if err != nil {
		return s.fail(ctx, err)
	}
	defer func() { _ = tx.Rollback() }() // there is nothing to commit
	return s.fail(ctx, do(limited, tx))
}

// epochExpr reads the current history in the same snapshot as the rest of the statement.
const epochExpr = "(SELECT epoch FROM stream_meta) AS epoch"
