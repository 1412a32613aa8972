package sqlstore_test

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"studychat/db"
	"studychat/db/sqlstore"
)

// columns lists the columns of all tables as "table.column" with " null" where it may be NULL.
func columns(t *testing.T, store *sqlstore.Store) []string {
	t.Helper()
	query := `SELECT m.name AS "table", p.name AS "column", p."notnull" = 0 AS nullable
FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS p WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'`
	if store.Dialect() == sqlstore.Postgres {
		query = `SELECT table_name AS "table", column_name AS "column", is_nullable = 'YES' AS nullable
FROM information_schema.columns WHERE table_schema = 'public'`
	}
	var rows []struct {
		Table, Column string
		Nullable      bool
	}
	if err := store.Bun().NewRaw(query).Scan(t.Context(), &rows); err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, r := range rows {
		line := r.Table + "." + r.Column
		if r.Nullable {
			line += " null"
		}
		list = append(list, line)
	}
	slices.Sort(list)
	return list
}

func TestMigrationsAgree(t *testing.T) {
	t.Parallel()
	lite := columns(t, openStore(t, sqliteFile(t), sqlstore.OpenOptions{}))
	pg := columns(t, openStore(t, postgres(t), sqlstore.OpenOptions{}))
	if !slices.Equal(lite, pg) {
		t.Errorf("SQLite has\n%s\nPostgreSQL has\n%s", strings.Join(lite, "\n"), strings.Join(pg, "\n"))
	}
	if !slices.Contains(pg, "messages.edited_at null") || !slices.Contains(pg, "messages.content") {
		t.Errorf("columns are not told apart: %v", pg)
	}
}

func TestMigrateUpDownUp(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		store := openEmpty(t, url, sqlstore.OpenOptions{})
		empty := func() []string {
			return slices.DeleteFunc(columns(t, store), func(c string) bool {
				return strings.HasPrefix(c, "bun_") || strings.HasPrefix(c, "migration_notes.")
			})
		}
		expect := func(applied bool) {
			t.Helper()
			status, err := store.MigrationStatus(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(status) == 0 || status[0].Name != "0001_chats" {
				t.Fatalf("the status is %+v", status)
			}
			for _, m := range status {
				if (m.AppliedAt != nil) != applied {
					t.Errorf("%s is applied at %v, want applied: %t", m.Name, m.AppliedAt, applied)
				}
				if applied && time.Since(*m.AppliedAt).Abs() > time.Minute {
					t.Errorf("%s is applied at %v", m.Name, m.AppliedAt)
				}
			}
		}
		expect(false)
		up := mustMigrate(t, store.MigrateUp)
		expect(true)
		full := empty()
		if again := mustMigrate(t, store.MigrateUp); len(again) != 0 {
			t.Errorf("a second run applied %v", again)
		}
		slices.Reverse(up)
		if down := mustMigrate(t, store.MigrateDown); !slices.Equal(down, up) {
			t.Errorf("down took back %v of %v", down, up)
		}
		expect(false)
		if left := empty(); len(left) != 0 {
			t.Errorf("down left %v", left)
		}
		mustMigrate(t, store.MigrateUp)
		if got := empty(); !slices.Equal(got, full) {
			t.Errorf("the second up made %v, the first %v", got, full)
		}
	})
}

func mustMigrate(t *testing.T, run func(context.Context) ([]string, error)) []string {
	t.Helper()
	names, err := run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestMigrateAgainAfterCrash loses the marks of applied migrations, as a crash between migration and mark would. On SQLite both are one
// transaction: there a migration need not be repeatable, and one that adds a column cannot be.
func TestMigrateAgainAfterCrash(t *testing.T) {
	t.Parallel()
	t.Run("postgres", func(t *testing.T) {
		store := openStore(t, postgres(t), sqlstore.OpenOptions{})
		if _, err := store.CreateChat(t.Context(), "owner", db.NewChat{ID: db.NewID(), Title: "Kept"}); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Bun().NewRaw("DELETE FROM bun_migrations").Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		if names := mustMigrate(t, store.MigrateUp); len(names) == 0 {
			t.Error("nothing was applied again")
		}
		if owned, err := store.OwnedChats(t.Context(), "owner", "", 10); err != nil || len(owned) != 1 {
			t.Errorf("afterwards the owner has %v, %v", owned, err)
		}
	})
}

// TestEveryFieldHasAColumn names the field whose column is in no migration.
func TestEveryFieldHasAColumn(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		store := openStore(t, url, sqlstore.OpenOptions{})
		for _, model := range []any{(*db.Chat)(nil), (*db.Member)(nil), (*db.Message)(nil), (*db.Module)(nil), (*db.User)(nil)} {
			if _, err := store.Bun().NewSelect().Model(model).Where("1 = 0").Exec(t.Context()); err != nil {
				t.Errorf("%T: %v", model, err)
			}
		}
	})
}

// TestMigrateAtOnce starts several instances on one empty database.
func TestMigrateAtOnce(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{"sqlite": sqliteFile(t), "postgres": postgres(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var instances sync.WaitGroup
			results := make(chan int, 4) // how many migrations an instance applied
			for range cap(results) {
				store := openEmpty(t, url, sqlstore.OpenOptions{})
				instances.Go(func() {
					names, err := store.MigrateUp(t.Context())
					if err != nil {
						t.Error(err)
					}
					results <- len(names)
				})
			}
			instances.Wait()
			close(results)
			sum := 0
			for n := range results {
				sum += n
			}
			status, err := openEmpty(t, url, sqlstore.OpenOptions{}).MigrationStatus(t.Context())
			if err != nil || sum != len(status) || len(status.Pending()) > 0 {
				t.Errorf("%d migrations were applied, of %+v (%v); want each once", sum, status, err)
			}
		})
	}
}

// TestMigrateLockOfCrashedHolder waits for a holder and goes on when it is gone without a word.
func TestMigrateLockOfCrashedHolder(t *testing.T) {
	t.Parallel()
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url := postgres(t)
		holder, store := openEmpty(t, url, sqlstore.OpenOptions{}), openEmpty(t, url, sqlstore.OpenOptions{})
		tx, err := holder.Bun().BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }()
		var pid int
		if err := tx.NewRaw("SELECT pg_backend_pid() FROM pg_advisory_xact_lock(?)", sqlstore.PostgresLockKey).Scan(t.Context(), &pid); err != nil {
			t.Fatal(err)
		}
		done := migrateAside(t, store)
		eventually(t, "the second instance tries", func() bool {
			var tried bool
			err := holder.Bun().NewRaw("SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid NOT IN (?, pg_backend_pid()) AND query = 'rollback')", pid).Scan(t.Context(), &tried)
			return err == nil && tried
		})
		select {
		case err := <-done:
			t.Fatalf("did not wait for the holder: %v", err)
		default:
		}
		if _, err := store.Bun().NewRaw("SELECT pg_terminate_backend(?)", pid).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		url := sqliteFile(t)
		store := openEmpty(t, url, sqlstore.OpenOptions{})
		pool, err := sql.Open("sqlite", strings.TrimPrefix(url, "sqlite:"))
		if err != nil {
			t.Fatal(err)
		}
		pool.SetMaxOpenConns(1)
		if _, err := pool.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
			t.Fatal(err)
		}
		done := migrateAside(t, store)
		select {
		case err := <-done:
			t.Errorf("did not wait for the holder: %v", err)
		case <-time.After(100 * time.Millisecond):
		}
		if err := pool.Close(); err != nil { // the operating system does the same for a killed process
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func migrateAside(t *testing.T, store *sqlstore.Store) <-chan error {
	done := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	var aside sync.WaitGroup
	aside.Go(func() {
		_, err := store.MigrateUp(ctx)
		done <- err
	})
	t.Cleanup(func() {
		cancel()
		aside.Wait()
	})
	return done
}

// eventually waits for what another process does.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain until %s", what)
		case <-tick.C:
		}
	}
}
