package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"studychat/db"
	"studychat/db/sqlstore"
)

// openURL tells this test binary that it is the process that opens a file as another user.
const openURL = "STUDYCHAT_TEST_OPEN_URL"

// TestSQLiteNotWritable: a file that can be read and not written is refused when it is opened, in a sentence that names it.
func TestSQLiteNotWritable(t *testing.T) {
	if url := os.Getenv(openURL); url != "" {
		store, err := sqlstore.Open(t.Context(), url, sqlstore.OpenOptions{})
		if err == nil {
			err = store.Close()
		}
		fmt.Fprintf(os.Stdout, "opened: %v\n", err)
		return
	}
	t.Parallel()
	binary := copyOfBinary(t)
	for name, test := range map[string]struct {
		arrange func(path string) error
		opens   bool
	}{
		"a file for all":              {func(path string) error { return os.Chmod(path, 0o666) }, true},
		"a file for reading":          {func(path string) error { return os.Chmod(path, 0o444) }, false},
		"a file for nobody":           {func(path string) error { return os.Chmod(path, 0) }, false},
		"a folder for reading":        {func(path string) error { return os.Chmod(filepath.Dir(path), 0o555) }, false},
		"an empty file for reading":   {func(path string) error { _ = os.Truncate(path, 0); return os.Chmod(path, 0o444) }, false},
		"a -wal file for reading":     {func(path string) error { return forReading(path, "-wal") }, false},
		"a -shm file for reading":     {func(path string) error { return forReading(path, "-shm") }, false},
		"an old journal, for reading": {func(path string) error { return journalMode(path, "DELETE", 0o444) }, false},
		"an old journal":              {func(path string) error { return journalMode(path, "DELETE", 0o666) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(openFolder(t), "chat.db")
			store := openStore(t, "sqlite:"+path, sqlstore.OpenOptions{})
			if err := store.Close(); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, 0o666); err != nil {
				t.Fatal(err)
			}
			if err := test.arrange(path); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.Chmod(filepath.Dir(path), 0o755) })
			said := openAsAnother(t, binary, "sqlite:"+path)
			if test.opens && said != "<nil>" || !test.opens && !strings.Contains(said, "SQLite cannot open and write the file "+path) {
				t.Errorf("opening it says %s", said)
			}
		})
	}
}

// forReading leaves a file beside the database that others may only read, as a process of another user does that was killed.
func forReading(path, suffix string) error {
	for _, other := range []string{"-wal", "-shm"} {
		mode := os.FileMode(0o666)
		if other == suffix {
			mode = 0o444
		}
		if err := os.WriteFile(path+other, nil, mode); err != nil {
			return err
		}
		if err := os.Chmod(path+other, mode); err != nil {
			return err
		}
	}
	return nil
}

func journalMode(path, mode string, perm os.FileMode) error {
	pool, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	defer pool.Close()
	if _, err := pool.ExecContext(context.Background(), "PRAGMA journal_mode = "+mode); err != nil {
		return err
	}
	return os.Chmod(path, perm)
}

// openFolder is a folder that all users can read and write.
func openFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for path, mode := range map[string]os.FileMode{filepath.Dir(dir): 0o755, dir: 0o777} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// copyOfBinary is this test binary where other users can run it: Go keeps it in a folder of its own user.
func copyOfBinary(t *testing.T) string {
	t.Helper()
	from, err := os.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	path := filepath.Join(openFolder(t), "db.test")
	to, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// openAsAnother opens a database in a process of a user who is not root: for root, permissions do not count. It returns
// the error as text.
func openAsAnother(t *testing.T, binary, url string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, binary, "-test.run=^TestSQLiteNotWritable$")
	child.Dir = filepath.Dir(binary)
	child.Env = append(os.Environ(), openURL+"="+url)
	if os.Geteuid() == 0 {
		child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	output, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	_, said, ok := strings.Cut(string(output), "opened: ")
	if !ok {
		t.Fatalf("the process says %s", output)
	}
	said, _, _ = strings.Cut(said, "\n")
	return said
}

// TestReadOnlyIsUnavailable: a file that cannot be written any more while the store is open is a fault of the place, not of
// the program.
func TestReadOnlyIsUnavailable(t *testing.T) {
	t.Parallel()
	store := openStore(t, "sqlite::memory:", sqlstore.OpenOptions{})
	chat := fill(t, store, "owner", 1)[0]
	if _, err := store.Bun().ExecContext(t.Context(), "PRAGMA query_only = 1"); err != nil { // answers as a read-only file does
		t.Fatal(err)
	}
	_, err := store.SendMessage(t.Context(), "owner", db.NewMessage{ID: db.NewID(), ChatID: chat, Role: db.RoleUser, Content: "text"})
	if db.CodeOf(err) != db.CodeUnavailable {
		t.Errorf("got %v, want UNAVAILABLE", err)
	}
}
