package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// maxFaults is how many faults of a damaged file Verify names.
const maxFaults = 5

// Copy writes the committed content of one database file to another, which must be empty, and makes sure that it reaches the disk. It reads
// one snapshot: processes that have the file open go on reading and writing it. They cannot shorten the -wal file meanwhile.
//
// VACUUM INTO leaves out free pages, and a context can end it. SQLite's backup API would be faster, but it cannot be interrupted
// when it copies in one step, and starts over at each write of another process when it copies in several.
func Copy(ctx context.Context, from, to string) error {
	to, err := filepath.Abs(to)
	if err != nil {
		return err
	}
	pool, err := openPlain(from, "rw")
	if err != nil {
		return err
	}
	defer pool.Close() //nolint:errcheck // it was only read
	err = UntilFree(ctx, func() error {
		_, err := pool.ExecContext(ctx, "VACUUM INTO ?", to)
		return err
	})
	if err != nil {
		return Explain(from, err)
	}
	return syncFile(to)
}

// Verify returns an error for a file that is damaged.
func Verify(ctx context.Context, path string) error {
	pool, err := openPlain(path, "ro")
	if err != nil {
		return err
	}
	defer pool.Close() //nolint:errcheck // it was only read
	var faults []string
	for _, check := range []string{
		"SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok' LIMIT ?",
		`SELECT "table" || ' has a row whose ' || parent || ' is missing' FROM pragma_foreign_key_check LIMIT ?`,
	} {
		if faults, err = appendTexts(ctx, pool, faults, check); err != nil {
			return err
		}
	}
	if len(faults) > 0 {
		return errors.New("it is damaged: " + strings.Join(faults, "; "))
	}
	return nil
}

func appendTexts(ctx context.Context, pool *sql.DB, texts []string, query string) ([]string, error) {
	rows, err := pool.QueryContext(ctx, query, maxFaults)
	if err != nil {
		return texts, err
	}
	defer rows.Close() //nolint:errcheck // Err tells
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return texts, err
		}
		texts = append(texts, text)
	}
	return texts, rows.Err()
}

// openPlain opens an existing file in its journal mode.
func openPlain(path, mode string) (*sql.DB, error) {
	params := url.Values{"mode": {mode}, "_busy_timeout": {fmt.Sprint(busyTimeout.Milliseconds())}}
	pool, err := sql.Open("sqlite", fileURL(path)+"?"+params.Encode())
	if err != nil {
		return nil, fmt.Errorf("open SQLite: %w", err)
	}
	pool.SetMaxOpenConns(1)
	return pool, nil
}

// syncFile makes a file survive a power cut. No connection may have it open: closing it here would remove their locks.
func syncFile(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0) //nolint:gosec // the operator names it
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
