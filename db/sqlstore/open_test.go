package sqlstore_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"studychat/db"
	"studychat/db/sqlstore"
)

func TestDescribe(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		store := openEmpty(t, url, sqlstore.OpenOptions{})
		about := store.Describe()
		if about.Version == "" || about.Address == "" {
			t.Errorf("got %+v", about)
		}
		want, product := sqlstore.SQLite, "SQLite 3."
		if strings.HasPrefix(url, "postgres") {
			want, product = sqlstore.Postgres, "PostgreSQL 1"
		}
		if store.Dialect() != want || !strings.HasPrefix(about.String(), product) {
			t.Errorf("%s is %q", store.Dialect(), about)
		}
		if err := store.Ping(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestOpenHidesPassword expects no part of a secret in what is logged, whether opening works or not.
func TestOpenHidesPassword(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	for _, url := range []string{
		"postgres://user:hunter2@127.0.0.1:1/name",
		"postgres://user:hunter2@127.0.0.1:notaport/name",
		"postgresql://user:hunter2@[::1/name",
		"mysql://user:hunter2@127.0.0.1/name",
		"hunter2",
		"sqlite:file?key=hunter2",
	} {
		_, err := sqlstore.Open(t.Context(), url, sqlstore.OpenOptions{})
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("got %v", err)
		}
	}
	url := strings.Replace(postgres(t), "postgres@", "postgres:hunter2@", 1)
	if about := openEmpty(t, url, sqlstore.OpenOptions{}).Describe().String(); strings.Contains(about, secret) {
		t.Errorf("got %q", about)
	}
}

func TestOpenUnavailable(t *testing.T) {
	t.Parallel()
	for reason, url := range map[string]string{
		"nobody listens":              "postgres://nobody@127.0.0.1:1/nothing",
		"the directory is not there":  "sqlite:" + filepath.Join(t.TempDir(), "no", "such", "file.db"),
		"what is there is no file":    "sqlite:" + t.TempDir(),
		"the file is not a database?": "sqlite:" + writeFile(t, strings.Repeat("no database ", 1000)),
	} {
		_, err := sqlstore.Open(t.Context(), url, sqlstore.OpenOptions{})
		if err == nil || strings.HasPrefix(url, "postgres") && db.CodeOf(err) != db.CodeUnavailable {
			t.Errorf("%s: got %v", reason, err)
		}
	}
}

func writeFile(t *testing.T, content string) string {
	path := filepath.Join(t.TempDir(), "file.db")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestSQLitePaths opens files whose names mean something in a URL, in all ways that a URL can be written.
func TestSQLitePaths(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"plain.db", "a space.db", "50%25.db", "hash#tag.db", "ümlaut&amp.db", "co:lon.db"} {
		for _, prefix := range []string{"sqlite:", "sqlite://", "file:"} {
			path := filepath.Join(t.TempDir(), name)
			store := openStore(t, prefix+path, sqlstore.OpenOptions{})
			if _, err := os.Stat(path); err != nil || store.Describe().Address != path {
				t.Errorf("%s%s: %v", prefix, name, err)
			}
		}
	}
}

func TestMemoryIsPrivate(t *testing.T) {
	t.Parallel()
	a, b := openStore(t, "sqlite::memory:", sqlstore.OpenOptions{}), openStore(t, "sqlite::memory:", sqlstore.OpenOptions{})
	fill(t, a, "owner", 1)
	if owned, err := b.OwnedChats(t.Context(), "owner", "", 10); err != nil || len(owned) != 0 {
		t.Errorf("the other database has %v, %v", owned, err)
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		g := openGuarded(t, url)
		for range 2 {
			if err := g.Close(); err != nil {
				t.Fatal(err)
			}
		}
		_, send := g.send(t.Context())
		_, epoch := g.Epoch(t.Context())
		_, chat := g.Chat(t.Context(), "owner", g.chat)
		_, up := g.MigrateUp(t.Context())
		for name, err := range map[string]error{"Ping": g.Ping(t.Context()), "SendMessage": send, "Epoch": epoch, "Chat": chat, "MigrateUp": up} {
			if db.CodeOf(err) != db.CodeUnavailable {
				t.Errorf("%s of a closed store: got %v, want UNAVAILABLE", name, err)
			}
		}
	})
}
