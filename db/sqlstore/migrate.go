package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/migrate"

	"studychat/db"
	"studychat/migrations"
)

// migrator is the part of the Store that changes the schema.
type migrator struct {
	*database
	migrating sync.Mutex
}

// migrateTimeout bounds a whole run of migrations, including the wait for another instance's run.
const migrateTimeout = 10 * time.Minute

// Migration is one step of the schema.
type Migration struct {
	Name      string
	AppliedAt *time.Time // nil while it is pending
}

// migrationLock lets one process migrate at a time, and provides the connections for it. It is released when its holder's connection
// ends, unlike Bun's own lock, which is a row that survives a crash.
type migrationLock interface {
	hold(ctx context.Context, d *database, do func(ctx context.Context, conn *bun.DB) error) error
}

// MigrateUp applies the pending migrations and returns their names. Instances that start at the same time wait for each other. Call it
// before any other use of the Store.
func (s *migrator) MigrateUp(ctx context.Context) ([]string, error) {
	return s.run(ctx, (*migrate.Migrator).Migrate)
}

// MigrateDown reverts the migrations of the last MigrateUp that applied any, deletes the data in them, and returns their names.
func (s *migrator) MigrateDown(ctx context.Context) ([]string, error) {
	return s.run(ctx, (*migrate.Migrator).Rollback)
}

func (s *migrator) run(ctx context.Context, direction func(*migrate.Migrator, context.Context, ...migrate.MigrationOption) (*migrate.MigrationGroup, error)) (names []string, err error) {
	err = s.migrate(ctx, func(ctx context.Context, m *migrate.Migrator) error {
		group, err := direction(m, ctx)
		for i := 0; group != nil && i < len(group.Migrations); i++ {
			names = append(names, group.Migrations[i].String())
		}
		return err
	})
	return names, err
}

// MigrationStatus returns all migrations, oldest first.
func (s *migrator) MigrationStatus(ctx context.Context) ([]Migration, error) {
	var list []Migration
	err := s.migrate(ctx, func(ctx context.Context, m *migrate.Migrator) error {
		all, err := m.MigrationsWithStatus(ctx)
		for i := range all {
			step := Migration{Name: all[i].String()}
			if all[i].IsApplied() {
				at := all[i].MigratedAt.UTC()
				step.AppliedAt = &at
			}
			list = append(list, step)
		}
		return err
	})
	return list, err
}

func (s *migrator) migrate(ctx context.Context, do func(ctx context.Context, m *migrate.Migrator) error) error {
	s.migrating.Lock()
	defer s.migrating.Unlock()
	limited, cancel := context.WithTimeout(ctx, migrateTimeout)
	defer cancel()
	if s.closed.Load() {
		return db.Unavailable(sql.ErrConnDone)
	}
	err := s.traits.migrator.hold(limited, s.database, func(ctx context.Context, conn *bun.DB) error {
		migrator, err := s.newMigrator(conn)
		if err != nil {
			return err
		}
		if err := migrator.Init(ctx); err != nil {
			return err
		}
		return do(ctx, migrator)
	})
	if err != nil {
		return s.fail(ctx, fmt.Errorf("migrate: %w", err))
	}
	return nil
}

func (s *migrator) newMigrator(conn *bun.DB) (*migrate.Migrator, error) {
	files, err := fs.Sub(migrations.Files, string(s.dialect))
	if err != nil {
		return nil, err
	}
	steps := migrate.NewMigrations()
	if err := steps.Discover(files); err != nil {
		return nil, err
	}
	return migrate.NewMigrator(conn, steps, migrate.WithMarkAppliedOnSuccess(true)), nil
}
