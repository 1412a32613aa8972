package db_test

import (
	"testing"

	"studychat/db"
)

// TestMigrateJoinedSeq: memberships of before the column get the number of the event that made them, if it is kept. Running the
// migration again, as after a crash, changes nothing.
func TestMigrateJoinedSeq(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		store := openStore(t, url, db.OpenOptions{})
		id := fill(t, store, "owner", 1)[0]
		add := func(user string) int64 {
			t.Helper()
			event, err := store.AddMember(t.Context(), "owner", id, user)
			if err != nil {
				t.Fatal(err)
			}
			return event.Seq
		}
		add("again")
		if _, err := store.RemoveMember(t.Context(), "owner", id, "again"); err != nil {
			t.Fatal(err)
		}
		want := map[string]int64{"owner": 1, "forgotten": 0, "zoe": add("zoe"), "mia": 2, "again": add("again")}
		forgotten := add("forgotten")
		exec := func(query string, args ...any) {
			t.Helper()
			if _, err := store.Bun().NewRaw(query, args...).Exec(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		exec("DELETE FROM chat_events WHERE chat_id = ? AND seq = ?", id, forgotten)
		exec("UPDATE chat_members SET joined_seq = 0")
		for range 2 {
			exec("DELETE FROM bun_migrations WHERE name = '0002'")
			mustMigrate(t, store.MigrateUp)
			for user, seq := range want {
				if head, err := store.Head(t.Context(), user, id); err != nil || head.JoinedSeq != seq {
					t.Errorf("%s joined with %d, want %d, %v", user, head.JoinedSeq, seq, err)
				}
			}
		}
	})
}
