package sqlstore_test

import (
	"context"
	"errors"
	"testing"

	"github.com/uptrace/bun"

	"studychat/db/sqlstore"
)

// TestFunctionsReadByIndex: the plans of a function stay for as long as the connection does, so they must not be those for the small tables
// of a new database, which are read as a whole.
func TestFunctionsReadByIndex(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]string{
		"send_read": "SELECT send_read(ARRAY[?]::uuid[], ARRAY['owner'], ARRAY[gen_random_uuid()], ARRAY[gen_random_uuid()], ARRAY[true], false, 10)",
		"chat_read": "SELECT chat_read(?, 'owner', 51)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := openStore(t, postgres(t), sqlstore.OpenOptions{})
			chat := fill(t, store, "owner", 1)[0]
			statement := func(text string) {
				if _, err := store.Bun().NewRaw(text).Exec(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			statement("ANALYZE")
			if n := wholeTables(t, store, call, chat); n != 0 {
				t.Errorf("%d tables were read as a whole", n)
			}
			statement("ALTER FUNCTION " + name + " RESET ALL") // the control
			if n := wholeTables(t, store, call, chat); n == 0 {
				t.Error("reads of whole tables are not seen")
			}
		})
	}
}

// wholeTables counts how often a call for a chat reads a table as a whole.
func wholeTables(t *testing.T, store *sqlstore.Store, call, chat string) (n int) {
	t.Helper()
	undo := errors.New("nothing is kept")
	var before int
	err := store.Bun().RunInTx(t.Context(), nil, func(ctx context.Context, tx bun.Tx) error {
		count := func(n *int) error {
			return tx.NewRaw("SELECT coalesce(sum(seq_scan), 0) FROM pg_stat_xact_user_tables").Scan(ctx, n)
		}
		if err := count(&before); err != nil { // of earlier transactions on this connection
			return err
		}
		if _, err := tx.NewRaw(call, chat).Exec(ctx); err != nil {
			return err
		}
		return errors.Join(undo, count(&n))
	})
	if err == nil || err.Error() != undo.Error() {
		t.Fatal(err)
	}
	return n - before
}
