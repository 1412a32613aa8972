package sqlstore_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"studychat/db/sqlstore"
)

// TestMigrationsHaveTime asks the server what limits a transaction of a migration has.
func TestMigrationsHaveTime(t *testing.T) {
	t.Parallel()
	store := openEmpty(t, postgres(t), sqlstore.OpenOptions{})
	err := store.HoldMigrationLock(t.Context(), func(ctx context.Context, pool *bun.DB) error {
		tx, err := pool.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		for name, want := range map[string]string{"statement_timeout": "10min", "lock_timeout": "0"} {
			var got string
			if err := tx.NewRaw("SELECT current_setting(?)", name).Scan(ctx, &got); err != nil || got != want {
				t.Errorf("%s is %s, want %s (%v)", name, got, want, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestMigrationLockIsKept: a holder who lives keeps the lock for longer than the server waits for one who is lost, and that is
// how long the others wait then.
func TestMigrationLockIsKept(t *testing.T) {
	t.Parallel()
	dsn := postgres(t)
	next := openEmpty(t, dsn, sqlstore.OpenOptions{})
	holder, held := openLossy(t, dsn, sqlstore.OpenOptions{}), make(chan struct{})
	holder.aside(t, func(ctx context.Context) {
		_ = holder.HoldMigrationLock(ctx, func(ctx context.Context, _ *bun.DB) error {
			close(held)
			<-ctx.Done()
			return ctx.Err()
		})
	})
	<-held
	got := make(chan time.Time, 1)
	var waiting sync.WaitGroup
	waiting.Go(func() {
		err := next.HoldMigrationLock(t.Context(), func(context.Context, *bun.DB) error { return nil })
		if err != nil {
			t.Error(err)
		}
		got <- time.Now()
	})
	defer waiting.Wait()
	select {
	case <-got:
		t.Fatal("the lock of a holder who lives was free")
	case <-time.After(3*sqlstore.KeepLockEvery + time.Second):
	}
	holder.link.Blackhole()
	lost := time.Now()
	if took := (<-got).Sub(lost); took > 3*sqlstore.KeepLockEvery+3*time.Second {
		t.Errorf("the lock of a holder who was lost was free after %s", took)
	}
}

// TestMigrationEndsWithItsLock: who has lost the lock does not go on.
func TestMigrationEndsWithItsLock(t *testing.T) {
	t.Parallel()
	store := openEmpty(t, postgres(t), sqlstore.OpenOptions{})
	err := store.HoldMigrationLock(t.Context(), func(ctx context.Context, _ *bun.DB) error {
		if _, err := store.Bun().NewRaw(`SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND state = 'idle in transaction'`).Exec(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(4 * sqlstore.KeepLockEvery):
			t.Error("it went on")
			return nil
		}
	})
	if err == nil {
		t.Error("it ended without an error")
	}
}
