package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"studychat/db"
	"studychat/db/sqlstore/schema"
	"studychat/db/sqlstore/sqlite"
)

// migrator is the part of the Store that changes the schema.
type migrator struct {
	*database
	files     fs.FS // of the dialect
	migrating sync.Mutex
}

// migrateTimeout bounds a whole run of migrations, including the wait for another instance's run.
const migrateTimeout = 10 * time.Minute

// migrationLock lets one process migrate at a time, and provides the connections for it. It is released when its holder's connection
// ends, unlike Bun's own lock, which is a row that survives a crash.
type migrationLock func(ctx context.Context, d *database, do func(ctx context.Context, conn *bun.DB) error) error

// MigrateUp applies the pending migrations and returns their names. Instances that start at the same time wait for each other. It refuses
// a database with migrations that this program does not know, unless they are marked as compatible with it. Call it before any other use
// of the Store.
func (s *migrator) MigrateUp(ctx context.Context) (names []string, err error) {
	err = s.migrate(ctx, func(ctx context.Context, m *schema.Schema) error {
		names, err = m.Up(ctx)
		return err
	})
	return names, err
}

// MigrateDown reverts the migrations of the last MigrateUp that applied any, deletes the data in them, and returns their names. It refuses
// a database with migrations that this program does not know.
func (s *migrator) MigrateDown(ctx context.Context) (names []string, err error) {
	err = s.migrate(ctx, func(ctx context.Context, m *schema.Schema) error {
		names, err = m.Down(ctx)
		return err
	})
	return names, err
}

// MigrationLoss says what MigrateDown would do.
func (s *migrator) MigrationLoss(ctx context.Context) (loss schema.Loss, err error) {
	err = s.migrate(ctx, func(ctx context.Context, m *schema.Schema) error {
		loss, err = m.Loss(ctx)
		return err
	})
	return loss, err
}

// MigrationStatus compares the database with this program. It takes no lock and changes nothing.
func (s *migrator) MigrationStatus(ctx context.Context) (state schema.State, err error) {
	err = s.migrate(ctx, func(ctx context.Context, m *schema.Schema) error {
		state, err = m.State(ctx)
		return err
	})
	return state, err
}

func (s *migrator) migrate(ctx context.Context, do func(ctx context.Context, m *schema.Schema) error) error {
	s.migrating.Lock()
	defer s.migrating.Unlock()
	limited, cancel := context.WithTimeout(ctx, migrateTimeout)
	defer cancel()
	if s.closed.Load() {
		return db.Unavailable(sql.ErrConnDone)
	}
	m, err := schema.New(schema.Database{
		Tables: s.traits.record,
		Read:   s.query,
		Change: func(ctx context.Context, do func(ctx context.Context, conn *bun.DB) error) error {
			return s.traits.migrating(ctx, s.database, do)
		},
	}, s.files)
	if err == nil {
		err = do(limited, m)
	}
	if err != nil {
		return s.fail(ctx, fmt.Errorf("migrate: %w", err))
	}
	return nil
}

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
func postgresLock(connector driver.Connector, hook bun.QueryHook) migrationLock {
	return func(ctx context.Context, _ *database, do func(ctx context.Context, conn *bun.DB) error) error {
		pool := sql.OpenDB(connector)
		defer func() { _ = pool.Close() }()
		conn := newBun(pool, pgdialect.New(), hook)
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

// holdSQLiteLock holds SQLite's own write lock, held by one transaction around all migrations: the writer's pool has one connection, so the
// migrator runs in that transaction. Either all pending migrations are applied or none.
func holdSQLiteLock(ctx context.Context, d *database, do func(ctx context.Context, conn *bun.DB) error) error {
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
