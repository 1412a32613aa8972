package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"studychat/db/sqlstore/sqlite"
)

// open opens a file as the store does.
func open(t *testing.T, path string) *sql.DB {
	t.Helper()
	pool, err := sqlite.Open(path, 2, url.Values{"_txlock": {"immediate"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

func do(t *testing.T, pool *sql.DB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := pool.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func count(t *testing.T, path string) (n int) {
	t.Helper()
	pool := open(t, path)
	if err := pool.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM a").Scan(&n); err != nil {
		t.Fatal(err)
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	return n
}

const filled = "INSERT INTO a (b) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) SELECT hex(randomblob(50)) FROM n"

// TestCopy copies what is committed, the -wal file's content included, and not what a transaction is about to write.
func TestCopy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from ?%.db"), filepath.Join(dir, "to.db")
	pool := open(t, from)
	do(t, pool, "CREATE TABLE a (b TEXT)", filled)
	tx, err := pool.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(t.Context(), "DELETE FROM a"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(sqlite.Copy(t.Context(), from, to), sqlite.Verify(t.Context(), to)); err != nil {
		t.Fatal(err)
	}
	if n := count(t, to); n != 2000 {
		t.Errorf("%d rows were copied", n)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := sqlite.Copy(ended, from, filepath.Join(dir, "again.db")); !errors.Is(err, context.Canceled) {
		t.Errorf("a copy that was cancelled: %v", err)
	}
}

// TestVerify finds pages that were written over, and rows without their parents.
func TestVerify(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	pool := open(t, path)
	do(t, pool, "CREATE TABLE a (b TEXT)", filled, "CREATE INDEX c ON a (b)")
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Verify(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt([]byte(strings.Repeat("damaged ", 512)), 20*4096); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Verify(t.Context(), path); err == nil {
		t.Errorf("a page that was written over: %v", err)
	}
	orphans := filepath.Join(t.TempDir(), "b.db")
	pool = open(t, orphans)
	pool.SetMaxOpenConns(1)
	do(t, pool, "CREATE TABLE parents (id INTEGER PRIMARY KEY)", "CREATE TABLE a (b REFERENCES parents (id))", "PRAGMA foreign_keys = 0", "INSERT INTO a VALUES (7)")
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Verify(t.Context(), orphans); err == nil || !strings.Contains(err.Error(), "a has a row whose parents is missing") {
		t.Errorf("a row without its parent: %v", err)
	}
}

// TestHold: an idle connection is enough to refuse, and who holds a file is alone with it.
func TestHold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, other := filepath.Join(dir, "a.db"), filepath.Join(dir, "b.db")
	pool := open(t, path)
	do(t, pool, "CREATE TABLE a (b TEXT)", filled)
	if _, err := sqlite.Hold(t.Context(), path); !errors.Is(err, sqlite.ErrInUse) {
		t.Fatalf("held a file that is open: %v", err)
	}
	do(t, pool, "DELETE FROM a")
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	held, err := sqlite.Hold(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := open(t, path).PingContext(t.Context()); !sqlite.IsBusy(err) {
		t.Errorf("opened a file that is held: %v", err)
	}
	source := open(t, other)
	do(t, source, "CREATE TABLE a (b TEXT)", filled)
	if err := source.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := held.Replace(other); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Hold(t.Context(), path); !errors.Is(err, sqlite.ErrInUse) {
		t.Errorf("held twice: %v", err)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(path)
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("another file: %v", err)
	}
	if n := count(t, path); n != 2000 {
		t.Errorf("%d rows after the replacement", n)
	}
}
