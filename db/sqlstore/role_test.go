package sqlstore_test

import (
	neturl "net/url"
	"strings"
	"testing"

	"studychat/db"
	"studychat/db/dbtest"
	"studychat/db/sqlstore"
	"studychat/test/services"
)

// TestSuitePostgresDataRole: a role that may only read and write rows, and is told nothing about the server, can do everything that a
// server does, from the start.
func TestSuitePostgresDataRole(t *testing.T) {
	t.Parallel()
	owner := postgres(t)
	openStore(t, owner, sqlstore.OpenOptions{})
	store := openStore(t, services.DataRole(t, owner), sqlstore.OpenOptions{})
	if _, err := store.Bun().NewRaw("CREATE TABLE mine (id bigint)").Exec(t.Context()); err == nil {
		t.Fatal("the role may change the schema: the test proves nothing")
	}
	wantEpoch(t, store, "the first check", false)
	wantEpoch(t, store, "the second check", false)
	if _, err := store.Prune(t.Context(), store.Now()); err != nil {
		t.Error(err)
	}
	if _, _, err := store.BumpEpoch(t.Context()); err != nil {
		t.Error(err)
	}
	if raced {
		return // the suite sees the same code as with a superuser
	}
	dbtest.Run(t, func(*testing.T) db.Repository { return store })
}

// TestDataRoleSaysWhatIsMissing: with something pending, such a role cannot migrate; it says what is missing.
func TestDataRoleSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	owner := postgres(t)
	openStore(t, owner, sqlstore.OpenOptions{})
	store := openEmpty(t, services.DataRole(t, owner), sqlstore.OpenOptions{})
	store.SetMigrations(withNewer(t, sqlstore.Postgres, newerMigration, ""))
	state, err := store.MigrationStatus(t.Context())
	if pending := state.Pending(); err != nil || len(pending) != 1 || pending[0] != "9001_newer" {
		t.Errorf("pending are %v, %v", pending, err)
	}
	if _, err := store.MigrateUp(t.Context()); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("migrated: %v", err)
	}
}

// TestApplicationName: the server can tell which connections are ours, also behind a pooler.
func TestApplicationName(t *testing.T) {
	t.Parallel()
	url := postgres(t)
	named, err := neturl.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	query := named.Query()
	query.Set("application_name", "me")
	named.RawQuery = query.Encode()
	for reason, c := range map[string]struct{ url, want string }{
		"by default":      {url, "studychat"},
		"behind a pooler": {services.Pooler(t, url, 1), "studychat"},
		"of the URL":      {named.String(), "me"},
	} {
		var got string
		err := openEmpty(t, c.url, sqlstore.OpenOptions{}).Bun().NewRaw("SELECT current_setting('application_name')").Scan(t.Context(), &got)
		if err != nil || got != c.want {
			t.Errorf("%s: %q, %v; want %q", reason, got, err, c.want)
		}
	}
}
