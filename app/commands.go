package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"studychat/config"
	"studychat/db/sqlstore"
)

// migrate is `studychat migrate up|down|status`.
func migrate(ctx context.Context, settings config.Settings, what string, flags []string, out io.Writer, log *slog.Logger) error {
	confirmed, yes := strings.CutPrefix(strings.Join(flags, " "), "--yes ")
	switch {
	case len(flags) == 0 && (what == "up" || what == "down" || what == "status"):
	case what == "down" && yes:
	default:
		return fmt.Errorf("%w: migrate up, migrate down [--yes NAME] or migrate status", errUsage)
	}
	store, err := openForCommand(ctx, settings, log)
	if err != nil {
		return err
	}
	defer store.Close() //nolint:errcheck // nothing is unsaved
	switch what {
	case "up":
		return report(out, "applied")(store.MigrateUp(ctx))
	case "down":
		return migrateDown(ctx, store, confirmed, out)
	}
	return status(ctx, store, out)
}

// migrateDown says what it would destroy, and does so only when the operator repeats the name of the database.
func migrateDown(ctx context.Context, store *sqlstore.Store, confirmed string, out io.Writer) error {
	loss, err := store.MigrationLoss(ctx)
	name := store.Describe().Name()
	switch {
	case err != nil:
		return err
	case len(loss.Migrations) > 0 && confirmed != name:
		fmt.Fprintf(out, "This reverts %s in %s, and destroys:\n", strings.Join(loss.Migrations, ", "), store.Describe())
		for _, what := range loss.Destroys {
			fmt.Fprintln(out, "  "+what)
		}
		return fmt.Errorf("nothing was done. Stop all servers, and then run: studychat migrate down --yes %s", name)
	}
	return report(out, "reverted")(store.MigrateDown(ctx))
}

func openForCommand(ctx context.Context, settings config.Settings, log *slog.Logger) (*sqlstore.Store, error) {
	store, err := sqlstore.Open(ctx, settings.Database.URL, sqlstore.OpenOptions{MaxConns: settings.Database.Conns, MigrateTimeout: settings.Database.MigrationTimeout, Log: log})
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	return store, nil
}

func report(out io.Writer, done string) func(names []string, err error) error {
	return func(names []string, err error) error {
		for _, name := range names {
			fmt.Fprintln(out, done, name)
		}
		if len(names) == 0 && err == nil {
			fmt.Fprintln(out, "nothing to do")
		}
		return err
	}
}

func status(ctx context.Context, store *sqlstore.Store, out io.Writer) error {
	all, err := store.MigrationStatus(ctx)
	for _, m := range all {
		state := "pending"
		if m.AppliedAt != nil {
			state = "applied " + m.AppliedAt.Format("2006-01-02 15:04:05")
		}
		switch {
		case m.Compatible:
			state += ", unknown to this version, which is compatible with it"
		case m.Unknown:
			state += ", unknown to this version, which is not compatible with it"
		}
		fmt.Fprintf(out, "%-40s %s\n", m.Name, state)
	}
	return err
}

// bumpEpoch is `studychat epoch bump`. Running servers notice it within seconds and tell every stream to start over.
func bumpEpoch(ctx context.Context, settings config.Settings, out io.Writer, log *slog.Logger) error {
	store, err := openForCommand(ctx, settings, log)
	if err != nil {
		return err
	}
	defer store.Close() //nolint:errcheck // nothing is unsaved
	before, after, err := store.BumpEpoch(ctx)
	if err != nil {
		return fmt.Errorf("epoch: %w", err)
	}
	fmt.Fprintf(out, "epoch was %d, is %d\n", before, after)
	return nil
}
