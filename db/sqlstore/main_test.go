package sqlstore_test

import (
	"context"
	"flag"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"studychat/db/sqlstore"
	"studychat/test/services"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "4"); err != nil { // many tests wait for locks and for servers that give up, and do not compute
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// sqliteMemory is the URL of a new database in memory.
const sqliteMemory = "sqlite::memory:"

// sqliteFile is the URL of a new file.
func sqliteFile(t testing.TB) string {
	return "sqlite:" + filepath.Join(t.TempDir(), "studychat.db")
}

// postgres is the URL of a new database.
func postgres(t testing.TB) string { return services.Postgres(t) }

// databases are the URLs of a new database of each kind.
func databases(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); test(t, sqliteFile(t)) })
	t.Run("memory", func(t *testing.T) { t.Parallel(); test(t, sqliteMemory) })
	t.Run("postgres", func(t *testing.T) { t.Parallel(); test(t, postgres(t)) })
}

// costly is databases for tests that compute much. The detector sees one SQLite, in a file: make test runs them all without it.
func costly(t *testing.T, test func(t *testing.T, url string)) {
	databases(t, func(t *testing.T, url string) {
		if raced && url == sqliteMemory {
			t.Skip("the detector sees the same code with a file: make test runs this without it")
		}
		test(t, url)
	})
}

// openStore opens a store whose schema is there.
func openStore(t testing.TB, url string, opts sqlstore.OpenOptions) *sqlstore.Store {
	t.Helper()
	store := openEmpty(t, url, opts)
	if _, err := store.MigrateUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	return store
}

func openEmpty(t testing.TB, url string, opts sqlstore.OpenOptions) *sqlstore.Store {
	t.Helper()
	opts.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	store, err := sqlstore.Open(ctx, url, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}
