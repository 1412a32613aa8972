package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"
)

// ErrInUse says that another process has a file open.
var ErrInUse = errors.New("another process has the file open")

// Held is a database file that no other process can read or write until Close.
type Held struct {
	pool *sql.DB
	conn *sql.Conn
}

// Hold takes a file, which is created if it does not exist. It moves what is left in the -wal file into the file and removes the -wal
// file: an open connection, even an idle one, prevents that. Errors: ErrInUse.
func Hold(ctx context.Context, path string) (*Held, error) {
	pool, err := openPlain(path, "rwc")
	if err != nil {
		return nil, err
	}
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, errors.Join(explainHeld(path, err), pool.Close())
	}
	h := &Held{pool, conn}
	for _, statement := range []string{"PRAGMA locking_mode = EXCLUSIVE", "PRAGMA journal_mode = DELETE", "BEGIN EXCLUSIVE", "COMMIT"} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return nil, errors.Join(explainHeld(path, err), h.Close())
		}
	}
	return h, nil
}

func explainHeld(path string, err error) error {
	if IsBusy(err) {
		return ErrInUse
	}
	return Explain(path, err)
}

// QueryRow reads from the file.
func (h *Held) QueryRow(ctx context.Context, query string) *sql.Row {
	return h.conn.QueryRowContext(ctx, query)
}

// Replace replaces the content by that of another file, in one transaction: after a crash the file has the old content or the new one. The
// file itself stays, with its owner and its mode. A rename could not be exclusive: a server that has just opened the old file would
// go on in a file without a name.
func (h *Held) Replace(from string) error {
	return h.conn.Raw(func(inner any) error {
		conn, ok := inner.(interface {
			NewRestore(from string) (*sqlite.Backup, error)
		})
		if !ok {
			return fmt.Errorf("the driver's connection is a %T, which cannot restore", inner)
		}
		restore, err := conn.NewRestore(fileURL(from) + "?mode=ro")
		if err != nil {
			return err
		}
		_, err = restore.Step(-1)
		return errors.Join(err, restore.Finish())
	})
}

// Close lets others open the file.
func (h *Held) Close() error { return errors.Join(h.conn.Close(), h.pool.Close()) }
