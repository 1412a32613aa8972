package sqlstore_test

import (
	"testing"

	"studychat/db"
)

// TestDatabaseID: each database has an id of its own. It stays until the epoch rises, and running instances learn the new one.
func TestDatabaseID(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		store, pulses := pulsing(t, url, db.NoGuard{})
		id, err := store.DatabaseID(t.Context())
		if err != nil || len(id) != 16 {
			t.Fatalf("the id is %q, %v", id, err)
		}
		if first := store.Pulse(); first.Database != id || first.Renewed {
			t.Errorf("the first pulse is %+v, the id %s", first, id)
		}
		if _, _, err := store.CheckEpoch(t.Context()); err != nil {
			t.Fatal(err)
		}
		if again, _ := store.DatabaseID(t.Context()); again != id {
			t.Errorf("the id was %s and is %s in the same epoch", id, again)
		}
		if _, _, err := store.BumpEpoch(t.Context()); err != nil {
			t.Fatal(err)
		}
		pulseThat(t, pulses, "with the new id", func(p db.Pulse) bool { return p.Database != id && len(p.Database) == 16 && p.Renewed })
	})
}
