package sqlstore_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"studychat/db/sqlstore"
)

// slow are migrations of which the first begins with a statement.
func slow(statement string) fstest.MapFS {
	return fstest.MapFS{
		"0001_slow.tx.up.sql":   {Data: []byte(statement + ";\n--bun:split\nCREATE TABLE slow (id bigint);\n")},
		"0001_slow.tx.down.sql": {Data: []byte("DROP TABLE IF EXISTS slow;\n")},
	}
}

// TestMigrationsHaveTime asks the server what limits a transaction of a migration has.
func TestMigrationsHaveTime(t *testing.T) {
	t.Parallel()
	store := openEmpty(t, postgres(t), sqlstore.OpenOptions{MigrateTimeout: 7 * time.Minute})
	store.SetMigrations(slow("CREATE TABLE limits AS SELECT name, setting FROM pg_settings"))
	mustMigrate(t, store.MigrateUp)
	for name, want := range map[string]string{"statement_timeout": "420000", "lock_timeout": "0", "idle_in_transaction_session_timeout": "5000"} {
		var got string
		if err := store.Bun().NewRaw("SELECT setting FROM limits WHERE name = ?", name).Scan(t.Context(), &got); err != nil || got != want {
			t.Errorf("%s is %s, want %s (%v)", name, got, want, err)
		}
	}
}

// TestMigrateGivesUp: who waits for another instance's migration ends in time, says why, and leaves nothing behind.
func TestMigrateGivesUp(t *testing.T) {
	t.Parallel()
	url := postgres(t)
	holder, store := openEmpty(t, url, sqlstore.OpenOptions{}), openEmpty(t, url, sqlstore.OpenOptions{MigrateTimeout: time.Second})
	tx, err := holder.Bun().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.NewRaw("SELECT pg_advisory_xact_lock(?)", sqlstore.PostgresLockKey).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := store.MigrateUp(t.Context()); err == nil || !strings.Contains(err.Error(), "another process migrates") && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if names := mustMigrate(t, holder.MigrateUp); len(names) == 0 {
		t.Error("nothing was left to apply")
	}
}

// TestNothingPendingTakesNoLock: a start does not wait for another instance's lock when there is nothing to do.
func TestNothingPendingTakesNoLock(t *testing.T) {
	t.Parallel()
	url := postgres(t)
	holder, store := openStore(t, url, sqlstore.OpenOptions{}), openEmpty(t, url, sqlstore.OpenOptions{MigrateTimeout: 20 * time.Second})
	tx, err := holder.Bun().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.NewRaw("SELECT pg_advisory_xact_lock(?)", sqlstore.PostgresLockKey).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	if names, err := store.MigrateUp(t.Context()); err != nil || len(names) != 0 {
		t.Errorf("applied %v, %v", names, err)
	}
}

// TestMigrationOfLostInstance: an instance that is lost in the middle of a migration does not keep the others from starting, and its
// migration has not happened.
func TestMigrationOfLostInstance(t *testing.T) {
	t.Parallel()
	dsn := postgres(t)
	next := openEmpty(t, dsn, sqlstore.OpenOptions{})
	lost := openLossy(t, dsn, sqlstore.OpenOptions{})
	lost.SetMigrations(slow("CREATE TABLE half (id bigint);\n--bun:split\nSELECT pg_sleep(1)"))
	lost.aside(t, func(ctx context.Context) {
		if _, err := lost.MigrateUp(ctx); err == nil {
			t.Error("the lost instance had an answer")
		}
	})
	eventually(t, "it is in the middle", func() bool {
		var sleeping bool
		err := next.Bun().NewRaw("SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep%')").Scan(t.Context(), &sleeping)
		return err == nil && sleeping
	})
	lost.link.Blackhole()
	gone := time.Now()
	if names := mustMigrate(t, next.MigrateUp); len(names) == 0 {
		t.Error("nothing was applied")
	}
	if took := time.Since(gone); took > lostWithin {
		t.Errorf("the others waited for %s", took)
	}
	var half bool
	if err := next.Bun().NewRaw("SELECT to_regclass('half') IS NOT NULL").Scan(t.Context(), &half); err != nil || half {
		t.Errorf("half of the migration is there: %t, %v", half, err)
	}
}
