package sqlstore_test

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"studychat/db"
	"studychat/db/sqlstore"
	"studychat/migrations"
)

// newerMigration is the number of a migration that a newer version of the program has.
const newerMigration = "9001"

// withNewer are the migrations of a newer version: those of this one, and one whose file begins with the line.
func withNewer(t *testing.T, dialect sqlstore.Dialect, number, line string) fs.FS {
	t.Helper()
	files := fstest.MapFS{}
	ours := migrations.Of(string(dialect))
	names, err := fs.Glob(ours, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(ours, name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: text}
	}
	kind := ""
	if dialect == sqlstore.Postgres {
		kind = ".tx"
	}
	name := "newer_" + number
	files[number+"_newer"+kind+".up.sql"] = &fstest.MapFile{Data: []byte(line + "CREATE TABLE IF NOT EXISTS " + name + " (id bigint NOT NULL PRIMARY KEY);\n--bun:split\nALTER TABLE chats ADD COLUMN " + name + " bigint;\n")}
	files[number+"_newer"+kind+".down.sql"] = &fstest.MapFile{Data: []byte("ALTER TABLE chats DROP COLUMN " + name + ";\n--bun:split\n-- all of it\nDROP TABLE IF EXISTS " + name + ";\n")}
	return files
}

// upgrade migrates the database as a newer version would.
func upgrade(t *testing.T, url, number, line string) *sqlstore.Store {
	t.Helper()
	newer := openEmpty(t, url, sqlstore.OpenOptions{})
	newer.SetMigrations(withNewer(t, newer.Dialect(), number, line))
	mustMigrate(t, newer.MigrateUp)
	return newer
}

// onFiles runs a test with a database that several stores share.
func onFiles(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); test(t, sqliteFile(t)) })
	t.Run("postgres", func(t *testing.T) { t.Parallel(); test(t, postgres(t)) })
}

// TestUnknownMigrationIsRefused: only what a newer migration says that it is compatible with goes on; all see it in the status.
func TestUnknownMigrationIsRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ reason, line, refusal string }{
		{"not marked", "", "not marked as compatible"},
		{"marked for versions that know a later one", "-- Compatible with versions that know 9000.\n", "needs a version that knows 9000"},
		{"marked for this version", "-- Compatible with versions that know 0003.\n", ""},
	} {
		t.Run(test.reason, func(t *testing.T) {
			t.Parallel()
			onFiles(t, func(t *testing.T, url string) {
				older := openStore(t, url, sqlstore.OpenOptions{})
				if test.refusal != "" { // a contraction follows an expansion that this version does not know either
					upgrade(t, url, "9000", "-- Compatible with versions that know 0003.\n")
					mustMigrateOlder(t, older)
				}
				upgrade(t, url, newerMigration, test.line)
				_, err := older.MigrateUp(t.Context())
				if (err == nil) != (test.refusal == "") || err != nil && (!strings.Contains(err.Error(), test.refusal) || !strings.Contains(err.Error(), "9001_newer")) {
					t.Errorf("the older version migrates: %v, want %q", err, test.refusal)
				}
				state, err := older.MigrationStatus(t.Context())
				if err != nil || len(state) == 0 {
					t.Fatalf("the status is %v, %v", state, err)
				}
				last := state[len(state)-1]
				if last.Name != "9001_newer" || !last.Unknown || last.Compatible != (test.refusal == "") || last.AppliedAt == nil {
					t.Errorf("the status ends with %+v", last)
				}
			})
		})
	}
}

func mustMigrateOlder(t *testing.T, older *sqlstore.Store) {
	t.Helper()
	if names := mustMigrate(t, older.MigrateUp); len(names) != 0 {
		t.Errorf("the older version applied %v", names)
	}
}

// TestUnmarkedRow: the record of another program, or of an operator, is an unknown migration too.
func TestUnmarkedRow(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		store := openStore(t, url, sqlstore.OpenOptions{})
		if _, err := store.Bun().NewRaw("INSERT INTO bun_migrations (name, group_id) VALUES ('9999', 7)").Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := store.MigrateUp(t.Context()); err == nil || !strings.Contains(err.Error(), "9999") {
			t.Errorf("migrated: %v", err)
		}
		if _, err := store.MigrateDown(t.Context()); err == nil || !strings.Contains(err.Error(), "9999") {
			t.Errorf("reverted: %v", err)
		}
		if names := columns(t, store); !slices.Contains(names, "messages.content") {
			t.Error("the tables are gone")
		}
	})
}

// TestOlderVersionRevertsNothing, compatible or not.
func TestOlderVersionRevertsNothing(t *testing.T) {
	t.Parallel()
	onFiles(t, func(t *testing.T, url string) {
		older := openStore(t, url, sqlstore.OpenOptions{})
		newer := upgrade(t, url, newerMigration, "-- Compatible with versions that know 0003.\n")
		before := columns(t, older)
		if names, err := older.MigrateDown(t.Context()); err == nil || len(names) != 0 || !strings.Contains(err.Error(), "9001_newer") {
			t.Errorf("the older version reverted %v: %v", names, err)
		}
		if _, err := older.MigrationLoss(t.Context()); err == nil {
			t.Error("the older version says what it would revert")
		}
		if after := columns(t, older); !slices.Equal(after, before) {
			t.Errorf("there was %v and is %v", before, after)
		}
		if names := mustMigrate(t, newer.MigrateDown); !slices.Equal(names, []string{"9001_newer"}) {
			t.Errorf("the newer version reverted %v", names)
		}
		if names := mustMigrate(t, older.MigrateDown); len(names) < 3 {
			t.Errorf("alone, the older version reverted %v", names)
		}
	})
}

// TestVersionsSideBySide: while both run, each reads what the other wrote.
func TestVersionsSideBySide(t *testing.T) {
	t.Parallel()
	onFiles(t, func(t *testing.T, url string) {
		older := openStore(t, url, sqlstore.OpenOptions{})
		chat := fill(t, older, "owner", 1)[0]
		newer := upgrade(t, url, newerMigration, "-- Compatible with versions that know 0003.\n")
		for i, store := range []*sqlstore.Store{older, newer, older, newer} {
			event, err := store.SendMessage(t.Context(), "owner", db.NewMessage{ID: db.NewID(), ChatID: chat, Content: "x"})
			if err != nil || event.Seq != int64(5+i) {
				t.Errorf("message %d: %+v, %v", i, event, err)
			}
		}
		for _, store := range []*sqlstore.Store{older, newer} {
			if read, err := store.Chat(t.Context(), "owner", chat); err != nil || read.HeadSeq != 8 {
				t.Errorf("the chat reads %+v, %v", read, err)
			}
		}
	})
}

// TestMigrationLoss names every table that would go, with its rows, and shows other statements as they are written.
func TestMigrationLoss(t *testing.T) {
	t.Parallel()
	onFiles(t, func(t *testing.T, url string) {
		store := openStore(t, url, sqlstore.OpenOptions{})
		fill(t, store, "owner", 2)
		loss, err := store.MigrationLoss(t.Context())
		if err != nil || !slices.Contains(loss.Migrations, "0001_chats") {
			t.Fatalf("%+v, %v", loss, err)
		}
		for _, want := range []string{"table chats, 2 rows", "table modules, 0 rows", "table stream_meta, 1 row", "DROP INDEX IF EXISTS messages_created"} {
			if !slices.Contains(loss.Destroys, want) {
				t.Errorf("%q is not among %q", want, loss.Destroys)
			}
		}
		if slices.Contains(loss.Destroys, "SELECT 1") {
			t.Errorf("a query is said to destroy something: %q", loss.Destroys)
		}
		newer := upgrade(t, url, newerMigration, "")
		loss, err = newer.MigrationLoss(t.Context())
		if err != nil || !slices.Equal(loss.Migrations, []string{"9001_newer"}) || !slices.Equal(loss.Destroys, []string{"ALTER TABLE chats DROP COLUMN newer_9001", "table newer_9001, 0 rows"}) {
			t.Errorf("of the newer one: %+v, %v", loss, err)
		}
	})
}
