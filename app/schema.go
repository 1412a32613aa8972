package app

import (
	"context"
	"fmt"
	"strings"

	"studychat/db/sqlstore"
)

// prepareSchema applies what is pending, or only compares, as RUN_MIGRATIONS says.
func (a *app) prepareSchema(ctx context.Context, store *sqlstore.Store, mode string) (err error) {
	var applied []string
	switch mode {
	case "off":
		a.log.Info("Schema is not compared: RUN_MIGRATIONS is off")
		return nil
	case "auto":
		if applied, err = store.MigrateUp(ctx); err != nil {
			return fmt.Errorf("migrations: %w", err)
		}
	}
	if err := a.compareSchema(ctx, store); err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	a.log.Info("Schema is up to date", "applied", len(applied))
	return nil
}

// compareSchema refuses a database that is not fit for this version. During an upgrade, and after it was taken back, the database is newer:
// it goes on if the newer migrations are marked as compatible, and says so.
func (a *app) compareSchema(ctx context.Context, store *sqlstore.Store) error {
	state, err := store.MigrationStatus(ctx)
	if err == nil {
		err = state.Check()
	}
	if err != nil {
		return err
	}
	pending := state.Pending()
	a.sources.Database.Pending = func() int { return len(pending) }
	if len(pending) > 0 {
		return fmt.Errorf("the database lacks %s: run `studychat migrate up` as a role that may change the schema", strings.Join(pending, ", "))
	}
	if unknown := state.Unknown(); len(unknown) > 0 {
		a.log.Warn("The database has migrations of a newer version, which are marked as compatible with this one", "unknown", strings.Join(unknown, ", "))
	}
	return nil
}
