package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"time"

	"github.com/uptrace/bun/dialect/pgdialect"
)

// The advisory locks that all instances agree on. Any numbers would do.
const (
	postgresLockKey  int64 = 0x7374756479636861 + iota // migrations
	postgresEpochKey                                   // CheckEpoch, BumpEpoch
	postgresPruneKey                                   // Prune, RemoveTombstones
)

// postgresLock holds an advisory lock in a transaction on a connection of its own. In a transaction, because behind
// pgbouncer only a transaction keeps the same server connection; on its own connection, because each migration commits
// by itself.
type postgresLock struct{ connector driver.Connector }

func (l postgresLock) hold(ctx context.Context, _ *Store, do func(ctx context.Context) error) error {
	pool := sql.OpenDB(l.connector)
	defer func() { _ = pool.Close() }()
	tx, err := newBun(pool, pgdialect.New(), nil).BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // frees the lock; there is nothing to commit
	if _, err := tx.NewRaw("SELECT pg_advisory_xact_lock(?)", postgresLockKey).Exec(ctx); err != nil {
		return err
	}
	return do(ctx)
}

// sqliteLock is SQLite's own write lock, held by one transaction around all the migrations: the writer's pool has one
// connection, so what the migrator does falls into that transaction. Either all pending migrations happen or none.
type sqliteLock struct{}

func (sqliteLock) hold(ctx context.Context, s *Store, do func(ctx context.Context) error) error {
	err := untilFree(ctx, func() error {
		_, err := s.writer.ExecContext(ctx, "BEGIN IMMEDIATE")
		return err
	})
	if err != nil {
		return err
	}
	if err := do(ctx); err != nil {
		cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_, _ = s.writer.ExecContext(cleanup, "ROLLBACK") // fails when the connection is gone, and the transaction with it
		return err
	}
	_, err = s.writer.ExecContext(ctx, "COMMIT")
	return err
}
