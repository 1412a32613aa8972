package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"studychat/db/sqlstore"
)

// migrate is `studychat migrate up|down|status`.
func migrate(ctx context.Context, config Config, what string, out io.Writer, log *slog.Logger) error {
	store, err := sqlstore.Open(ctx, config.DatabaseURL, sqlstore.OpenOptions{MaxConns: config.DatabaseConns, Log: log})
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	defer store.Close() //nolint:errcheck // nothing was left open to lose
	switch what {
	case "up":
		return report(out, "applied")(store.MigrateUp(ctx))
	case "down":
		return report(out, "taken back")(store.MigrateDown(ctx))
	case "status":
		return status(ctx, store, out)
	}
	return fmt.Errorf("%w: migrate up, migrate down or migrate status", errUsage)
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
			state = "applied " + m.AppliedAt.UTC().Format("2006-01-02 15:04:05")
		}
		fmt.Fprintf(out, "%-40s %s\n", m.Name, state)
	}
	return err
}
