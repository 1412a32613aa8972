package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"studychat/config"
	"studychat/db/sqlstore"
	"studychat/db/sqlstore/sqlite"
)

// restore is `studychat restore FILE`. Cursors that clients have may lead to events that are not in the file, so it begins a new epoch,
// and with it a new id of the database, before anything can read what was restored.
func restore(ctx context.Context, settings config.Database, args []string, out io.Writer, log *slog.Logger) error {
	from, yes, err := fileArgument(args)
	if err != nil {
		return err
	}
	to, err := sqliteFile(settings)
	if err != nil {
		return err
	}
	if err := mayReplace(from, to, yes); err != nil {
		return err
	}
	_, missing := os.Stat(to)
	before, after, err := restoreFile(ctx, from, to, log)
	if err != nil {
		if missing != nil {
			_ = os.Remove(to) // it was only held
		}
		return fmt.Errorf("restore: %w", err)
	}
	_, err = fmt.Fprintf(out, "%s has the content of %s. The epoch of the backup was %d, is %d: clients start over\n", to, from, before, after)
	return err
}

func restoreFile(ctx context.Context, from, to string, log *slog.Logger) (before, after int64, err error) {
	held, err := sqlite.Hold(ctx, to)
	if errors.Is(err, sqlite.ErrInUse) {
		return 0, 0, fmt.Errorf("%w: stop the server of %s first", err, to)
	}
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, held.Close()) }()
	var replaced int64
	_ = held.QueryRow(ctx, "SELECT epoch FROM stream_meta").Scan(&replaced) // fails if the file is empty, or so damaged that it is replaced
	part, err := copyBeside(ctx, from, to)
	if err != nil {
		return 0, 0, err
	}
	defer part.remove()
	if before, after, err = part.beginEpoch(ctx, replaced, log); err != nil {
		return 0, 0, err
	}
	return before, after, held.Replace(string(part))
}

// beginEpoch refuses a file that is not a database which this version can serve.
func (p partial) beginEpoch(ctx context.Context, replaced int64, log *slog.Logger) (before, after int64, err error) {
	store, err := sqlstore.Open(ctx, "sqlite:"+string(p), sqlstore.OpenOptions{MaxConns: 1, Log: log})
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	state, err := store.MigrationStatus(ctx)
	if err == nil {
		err = state.Check()
	}
	if err != nil {
		return 0, 0, err
	}
	if len(state.Pending()) == len(state) {
		return 0, 0, errors.New("the backup has no tables of studychat")
	}
	return store.BumpEpochAbove(ctx, replaced)
}
