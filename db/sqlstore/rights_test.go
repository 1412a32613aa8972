package sqlstore_test

import (
	"strings"
	"testing"

	"studychat/db/sqlstore"
	"studychat/test/services"
)

// TestRightsKnowAllTables: a role that may do nothing lacks a right on every table and every function of the schema. A table or function
// that a migration adds has to be in the lists of package rights.
func TestRightsKnowAllTables(t *testing.T) {
	t.Parallel()
	owner := postgres(t)
	store := openStore(t, owner, sqlstore.OpenOptions{})
	limited := openEmpty(t, services.DataRole(t, owner), sqlstore.OpenOptions{})
	if found, err := limited.Rights(t.Context()); err != nil || len(found.Missing) > 0 || !found.Ready || found.MayCreate || len(found.Identity) != 2 {
		t.Errorf("a role that may read and write rows: %+v, %v", found, err)
	}
	for _, statement := range []string{"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM " + role(t, limited), "REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC"} {
		if _, err := store.Bun().ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	found, err := limited.Rights(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	said := strings.Join(found.Missing, "\n")
	var names []string
	err = store.Bun().NewRaw(`SELECT 'public.' || relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace AND relname <> 'bun_migration_locks'
UNION ALL SELECT 'public.' || proname || '(' FROM pg_proc WHERE pronamespace = 'public'::regnamespace`).Scan(t.Context(), &names)
	if err != nil || len(names) < 12 {
		t.Fatalf("%v, %v", names, err)
	}
	for _, name := range names {
		if !strings.Contains(said, name) {
			t.Errorf("%s is not among what the role lacks:\n%s", name, said)
		}
	}
}

func role(t *testing.T, store *sqlstore.Store) (name string) {
	t.Helper()
	if err := store.Bun().NewRaw("SELECT quote_ident(current_user)").Scan(t.Context(), &name); err != nil {
		t.Fatal(err)
	}
	return name
}
