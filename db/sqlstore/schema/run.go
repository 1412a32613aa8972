package schema

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/migrate"
)

// Up applies the pending migrations and returns their names. It takes no lock when there are none. It refuses a database that a newer
// version has made unfit for this one.
func (s *Schema) Up(ctx context.Context) (names []string, err error) {
	state, err := s.State(ctx)
	if err == nil {
		err = state.Check()
	}
	if err != nil || len(state.Pending()) == 0 {
		return nil, err
	}
	r := run{Schema: s, check: State.Check, record: s.mark}
	return r.all(ctx, s.known, func(ctx context.Context, m *migrate.Migrator, step *migrate.Migration) error {
		step.GroupID = state.lastGroup() + 1
		return step.Up(ctx, m, step)
	})
}

// Down reverts the migrations of the last Up that applied any, deletes the data in them, and returns their names, newest first. It
// refuses when the database has migrations that this program does not know: they may depend on those.
func (s *Schema) Down(ctx context.Context) (names []string, err error) {
	steps, err := s.last(ctx)
	if err != nil || len(steps) == 0 {
		return nil, err
	}
	r := run{Schema: s, check: State.checkAllKnown, reverts: true, record: unmark}
	return r.all(ctx, steps, func(ctx context.Context, m *migrate.Migrator, step *migrate.Migration) error {
		return step.Down(ctx, m, step)
	})
}

// last are the migrations that Down reverts, newest first.
func (s *Schema) last(ctx context.Context) (steps migrate.MigrationSlice, err error) {
	state, err := s.State(ctx)
	if err == nil {
		err = state.checkAllKnown()
	}
	if err != nil {
		return nil, err
	}
	for i := len(s.known) - 1; i >= 0; i-- { // the state has the same order
		if state[i].AppliedAt != nil && state[i].group == state.lastGroup() {
			steps = append(steps, s.known[i])
		}
	}
	return steps, nil
}

// run is one call of Up or Down.
type run struct {
	*Schema
	check   func(State) error // whether the database may be changed by this program
	reverts bool
	record  func(ctx context.Context, conn bun.IDB, step *migrate.Migration) error
}

// What ends the transaction of a migration before its first statement.
var (
	errDone = errors.New("another process has run this migration")
	errBusy = errors.New("another process migrates")
)

// tryEvery is how often the lock is tried, more or less. In between nothing is held: behind a pooler with few connections, those who wait
// must not keep the connection that the holder of the lock needs.
const tryEvery = 200 * time.Millisecond

// all runs a file of each migration. What Bun calls before and after the statements of the file is in the same transaction, so that the
// record never differs from the schema.
func (r *run) all(ctx context.Context, steps migrate.MigrationSlice, file func(context.Context, *migrate.Migrator, *migrate.Migration) error) (names []string, err error) {
	err = r.db.Change(ctx, func(ctx context.Context, conn *bun.DB) error {
		migrator := migrate.NewMigrator(conn, nil, migrate.BeforeMigration(onIDB(r.begin)), migrate.AfterMigration(onIDB(r.record)))
		for _, step := range steps {
			switch err := untilFree(ctx, func() error { return file(ctx, migrator, &step) }); {
			case err == nil:
				names = append(names, step.String())
			case !errors.Is(err, errDone):
				return fmt.Errorf("%s: %w", step, err)
			}
		}
		return nil
	})
	return names, err
}

// untilFree repeats do while another process has the lock.
func untilFree(ctx context.Context, do func() error) error {
	for {
		err := do()
		if !errors.Is(err, errBusy) {
			return err
		}
		timer := time.NewTimer(tryEvery/2 + rand.N(tryEvery))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%w: %w", errBusy, ctx.Err())
		}
	}
}

// onIDB gives a hook the connection as what it is, which Bun hides.
func onIDB(do func(context.Context, bun.IDB, *migrate.Migration) error) migrate.MigrationHook {
	return func(ctx context.Context, conn bun.IConn, step *migrate.Migration) error {
		idb, ok := conn.(bun.IDB)
		if !ok {
			return fmt.Errorf("a migration runs on a %T", conn)
		}
		return do(ctx, idb, step)
	}
}

// begin takes the lock, and decides under it whether a migration is still to be run. The lock ends with the transaction.
func (r *run) begin(ctx context.Context, conn bun.IDB, step *migrate.Migration) error {
	got, err := r.db.TryLock(ctx, conn)
	switch {
	case err != nil:
		return err
	case !got:
		return errBusy
	}
	if err := createRecord(ctx, conn); err != nil {
		return err
	}
	state, err := r.read(ctx, conn)
	if err == nil {
		err = r.check(state)
	}
	if err != nil {
		return err
	}
	for _, m := range state {
		if m.Name == step.String() && (m.AppliedAt != nil) != r.reverts {
			return errDone
		}
	}
	return nil
}
