package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"sync"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"studychat/db/sqlstore/sqlite"
)

// The keys of the advisory locks, the same in all instances. The numbers are arbitrary.
const (
	postgresLockKey  int64 = 0x7374756479636861 + iota // migrations
	postgresEpochKey                                   // CheckEpoch, BumpEpoch
	postgresPruneKey                                   // Prune, RemoveTombstones
)

// keepLockEvery is how often the holder of the migrations' lock sends a statement. Without one, the server ends the transaction after
// three times as long: so the lock of an instance that is lost in the middle of a migration is released. See migrationLimits.
const keepLockEvery = 2 * time.Second

// postgresLock holds an advisory lock in a transaction, because behind pgbouncer only a transaction keeps the same server connection.
// Migrations run on another connection, because each commits by itself. Both belong to a separate pool with longer limits.
type postgresLock struct {
	connector driver.Connector
	hook      bun.QueryHook
}

func (l postgresLock) hold(ctx context.Context, _ *database, do func(ctx context.Context, conn *bun.DB) error) error {
	pool := sql.OpenDB(l.connector)
	defer func() { _ = pool.Close() }()
	conn := newBun(pool, pgdialect.New(), l.hook)
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // releases the lock; there is nothing to commit
	if _, err := tx.NewRaw("SELECT pg_advisory_xact_lock(?)", postgresLockKey).Exec(ctx); err != nil {
		return err
	}
	return whileKept(ctx, tx, func(ctx context.Context) error { return do(ctx, conn) })
}

// whileKept calls do while a transaction holds a lock, and cancels it when the lock is lost.
func whileKept(ctx context.Context, tx bun.Tx, do func(ctx context.Context) error) error {
	held, end := context.WithCancel(ctx)
	var lost error
	var keeper sync.WaitGroup
	keeper.Go(func() {
		defer end()
		lost = keepLock(ctx, tx, held.Done())
	})
	err := do(held)
	end()
	keeper.Wait()
	if err != nil && lost != nil {
		return fmt.Errorf("the lock was lost: %w: %w", lost, err)
	}
	return err
}

// keepLock sends a statement every keepLockEvery until done, or until the lock is lost.
func keepLock(ctx context.Context, tx bun.Tx, done <-chan struct{}) error {
	tick := time.NewTicker(keepLockEvery)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return nil
		case <-tick.C:
		}
		limited, cancel := context.WithTimeout(ctx, keepLockEvery)
		_, err := tx.NewRaw("SELECT 1").Exec(limited)
		cancel()
		if err != nil {
			return err
		}
	}
}

// sqliteLock is SQLite's own write lock, held by one transaction around all migrations: the writer's pool has one connection, so the
// migrator runs in that transaction. Either all pending migrations are applied or none.
type sqliteLock struct{}

func (sqliteLock) hold(ctx context.Context, d *database, do func(ctx context.Context, conn *bun.DB) error) error {
	err := sqlite.UntilFree(ctx, func() error {
		_, err := d.writer.ExecContext(ctx, "BEGIN IMMEDIATE")
		return err
	})
	if err != nil {
		return err
	}
	if err := do(ctx, d.writer); err != nil {
		cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_, _ = d.writer.ExecContext(cleanup, "ROLLBACK") // fails when the connection is gone, and the transaction with it
		return err
	}
	_, err = d.writer.ExecContext(ctx, "COMMIT")
	return err
}
