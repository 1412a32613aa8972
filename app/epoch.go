package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"studychat/db/sqlstore"
)

// bumpEpoch is `studychat epoch bump`. Servers that run notice it within seconds and tell every stream to start over.
func bumpEpoch(ctx context.Context, config Config, out io.Writer, log *slog.Logger) error {
	store, err := sqlstore.Open(ctx, config.DatabaseURL, sqlstore.OpenOptions{MaxConns: config.DatabaseConns, Log: log})
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	defer store.Close() //nolint:errcheck // nothing was left open to lose
	before, after, err := store.BumpEpoch(ctx)
	if err != nil {
		return fmt.Errorf("epoch: %w", err)
	}
	fmt.Fprintf(out, "epoch was %d, is %d\n", before, after)
	return nil
}
