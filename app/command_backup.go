package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"studychat/config"
	"studychat/db/sqlstore/sqlite"
)

// sqliteFile is the file of DATABASE_URL.
func sqliteFile(settings config.Database) (string, error) {
	for _, scheme := range []string{"sqlite:", "file:"} {
		if path, ok := strings.CutPrefix(settings.URL, scheme); ok && path != ":memory:" {
			return strings.TrimPrefix(path, "//"), nil
		}
	}
	return "", errors.New("backup and restore are for a file of SQLite. For PostgreSQL: pg_dump and pg_restore, or a base backup with the WAL; " +
		"then run `studychat epoch bump`, unless the server notices the restore by itself (docs/operations.md)")
}

// fileArgument reads "FILE" or "FILE --yes".
func fileArgument(args []string) (file string, yes bool, err error) {
	files := slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return arg == "--yes" })
	if len(files) != 1 || files[0] == "" || strings.HasPrefix(files[0], "-") {
		return "", false, fmt.Errorf("%w: backup FILE [--yes] or restore FILE [--yes]", errUsage)
	}
	return files[0], len(args) > 1, nil
}

// backup is `studychat backup FILE`. The file appears complete, checked and on the disk, or not at all.
func backup(ctx context.Context, settings config.Database, args []string, out io.Writer) error {
	to, yes, err := fileArgument(args)
	if err != nil {
		return err
	}
	from, err := sqliteFile(settings)
	if err != nil {
		return err
	}
	if err := mayReplace(from, to, yes); err != nil {
		return err
	}
	part, err := copyBeside(ctx, from, to)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer part.remove()
	if err := part.rename(to); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	_, err = fmt.Fprintf(out, "%s is backed up in %s, which is checked\n", from, to)
	return err
}

// mayReplace refuses to write over a file unless the operator said so, and over the one that is read in any case.
func mayReplace(from, to string, yes bool) error {
	source, err := os.Stat(from) //nolint:gosec // the operator names it
	if err != nil {
		return err
	}
	target, err := os.Stat(to) //nolint:gosec // the same
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case os.SameFile(source, target):
		return fmt.Errorf("%s and %s are the same file", from, to)
	case !target.Mode().IsRegular():
		return fmt.Errorf("%s is not a file", to)
	case !yes:
		return fmt.Errorf("%s exists: to replace its content, add --yes", to)
	}
	return nil
}

// partial is a file that is not complete yet.
type partial string

// copyBeside copies a database to a new file in the folder of another, which only its owner can read, and checks the copy.
func copyBeside(ctx context.Context, from, beside string) (partial, error) {
	file, err := os.CreateTemp(filepath.Dir(beside), "."+filepath.Base(beside)+".*.partial")
	if err != nil {
		return "", err
	}
	part := partial(file.Name())
	err = file.Close()
	if err == nil {
		err = sqlite.Copy(ctx, from, string(part))
	}
	if err == nil {
		err = sqlite.Verify(ctx, string(part))
	}
	if err != nil {
		part.remove()
		return "", fmt.Errorf("%s: %w", from, err)
	}
	return part, nil
}

func (p partial) remove() {
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		_ = os.Remove(string(p) + suffix) //nolint:gosec // it was made by CreateTemp
	}
}

// rename gives the file its name, and makes sure that the name reaches the disk.
func (p partial) rename(to string) error {
	if err := os.Rename(string(p), to); err != nil { //nolint:gosec // the operator names it
		return err
	}
	folder, err := os.Open(filepath.Dir(to)) //nolint:gosec // the same
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
