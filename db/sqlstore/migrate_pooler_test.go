package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"studychat/db/sqlstore"
	"studychat/test/services"
)

// startWithin is how long many starters may take together, on a busy machine. Those that block each other never end.
const startWithin = 45 * time.Second

// startMany does at the same time what servers do at start.
func startMany(t *testing.T, url string, n int, prepare func(*sqlstore.Store)) (applied int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startWithin)
	defer cancel()
	type result struct {
		applied int
		err     error
	}
	results := make(chan result, n)
	var starting sync.WaitGroup
	for range n {
		starting.Go(func() {
			store, err := sqlstore.Open(ctx, url, sqlstore.OpenOptions{})
			if err != nil {
				results <- result{err: fmt.Errorf("open: %w", err)}
				return
			}
			prepare(store)
			names, err := store.MigrateUp(ctx)
			if err == nil {
				_, _, err = store.CheckEpoch(ctx)
			}
			results <- result{applied: len(names), err: errors.Join(err, store.Close())}
		})
	}
	starting.Wait()
	close(results)
	failed := 0
	for r := range results {
		applied += r.applied
		if r.err != nil && failed == 0 {
			t.Error(r.err)
		}
		if r.err != nil {
			failed++
		}
	}
	if failed > 0 {
		t.Errorf("%d of %d did not start", failed, n)
	}
	return applied
}

// TestStartBehindSmallPool: the starters of a new database share as few connections as there may be.
func TestStartBehindSmallPool(t *testing.T) {
	t.Parallel()
	for _, connections := range []int{1, 2} {
		t.Run(fmt.Sprint(connections), func(t *testing.T) {
			t.Parallel()
			direct := postgres(t)
			applied := startMany(t, services.Pooler(t, direct, connections), 8, func(*sqlstore.Store) {})
			if state := statusOf(t, direct); applied != state {
				t.Errorf("%d migrations were applied %d times", state, applied)
			}
		})
	}
}

func statusOf(t *testing.T, url string) int {
	t.Helper()
	state, err := openEmpty(t, url, sqlstore.OpenOptions{}).MigrationStatus(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return len(state)
}

// TestStartBesideRunningInstance: 24 starters that share a pool of 20 with an instance that runs, and a migration that takes its time: all
// of them start, and the instance has an answer all the time.
func TestStartBesideRunningInstance(t *testing.T) {
	t.Parallel()
	direct := postgres(t)
	openStore(t, direct, sqlstore.OpenOptions{})
	url := services.Pooler(t, direct, 20)
	running := openEmpty(t, url, sqlstore.OpenOptions{})
	files := withNewer(t, sqlstore.Postgres, newerMigration, "-- Compatible with versions that know 0003.\nSELECT pg_sleep(2);\n--bun:split\n")
	ctx, cancel := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	asking.Go(func() {
		for ctx.Err() == nil {
			if _, err := running.Epoch(ctx); err != nil && ctx.Err() == nil {
				t.Errorf("the running instance: %v", err)
				return
			}
		}
	})
	if applied := startMany(t, url, 24, func(store *sqlstore.Store) { store.SetMigrations(files) }); applied != 1 {
		t.Errorf("the migration was applied %d times", applied)
	}
	cancel()
	asking.Wait()
}
