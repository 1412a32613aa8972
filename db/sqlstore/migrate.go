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
	files          fs.FS         // of the dialect
	migrateTimeout time.Duration // bounds a whole run, including the wait for another instance's
	migrating      sync.Mutex
}

// defaultMigrateTimeout is OpenOptions.MigrateTimeout when it is not set.
const defaultMigrateTimeout = 10 * time.Minute

// changer provides a pool of one connection for migrations.
type changer func(ctx context.Context, d *database, do func(ctx context.Context, conn *bun.DB) error) error

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
	limited, cancel := context.WithTimeout(ctx, s.migrateTimeout)
	defer cancel()
	if s.closed.Load() {
		return db.Unavailable(sql.ErrConnDone)
	}
	m, err := schema.New(schema.Database{
		Tables: s.traits.record,
		Read:   s.query,
		Change: func(ctx context.Context, do func(ctx context.Context, conn *bun.DB) error) error {
			return s.traits.changing(ctx, s.database, do)
		},
		TryLock: s.tryMigrationLock,
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

// tryMigrationLock takes the lock of migrations until the transaction ends. In PostgreSQL it is an advisory lock in the transaction of the
// migration itself: it needs no second connection, it ends with its holder, unlike Bun's own lock, which is a row that survives a crash, and
// behind pgbouncer only a transaction keeps the same server connection. In SQLite changeSQLite has the only lock already.
func (s *migrator) tryMigrationLock(ctx context.Context, conn bun.IDB) (got bool, err error) {
	if s.traits.tryLock == "" {
		return true, nil
	}
	err = conn.NewRaw(s.traits.tryLock, postgresLockKey).Scan(ctx, &got)
	return got, err
}

// changePostgres opens a pool with the limits of migrations, which may take long.
func changePostgres(connector driver.Connector, hook bun.QueryHook) changer {
	return func(ctx context.Context, _ *database, do func(ctx context.Context, conn *bun.DB) error) error {
		pool := sql.OpenDB(connector)
		defer func() { _ = pool.Close() }()
		pool.SetMaxOpenConns(1)
		return do(ctx, newBun(pool, pgdialect.New(), hook))
	}
}

// changeSQLite holds SQLite's own write lock in one transaction around all migrations: the writer's pool has one connection, so the
// migrations run in that transaction. Either all pending migrations are applied or none.
func changeSQLite(ctx context.Context, d *database, do func(ctx context.Context, conn *bun.DB) error) error {
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
