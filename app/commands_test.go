package app

import (
	"database/sql"
	"errors"
	"io"
	"strings"
	"testing"
)

// TestWrongSettings checks that all mistakes are printed and the exit status is 2.
func TestWrongSettings(t *testing.T) {
	t.Parallel()
	err := run(t.Context(), nil, []string{"ADDR=nowhere", "LOG_LEVEL=loud"}, io.Discard, io.Discard)
	if !errors.Is(err, errUsage) || exitCode(err) != 2 || !strings.Contains(err.Error(), "ADDR") || !strings.Contains(err.Error(), "LOG_LEVEL") {
		t.Fatalf("got %v", err)
	}
}

// TestSQLiteThatCannotBeOpened fails at once and names the file.
func TestSQLiteThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/nowhere/x.db"
	err := run(t.Context(), nil, []string{"ADDR=127.0.0.1:0", "DATABASE_URL=sqlite:" + path}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), path) || exitCode(err) != 1 {
		t.Errorf("got %v", err)
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := run(t.Context(), []string{"--help"}, nil, &out, io.Discard); err != nil || !strings.Contains(out.String(), "migrate") {
		t.Errorf("%v: %q", err, out.String())
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"serve"}, {"migrate"}, {"migrate", "sideways"}, {"migrate", "up", "now"}, {"migrate", "up", "--yes", "x"}, {"migrate", "down", "--yes"}} {
		err := run(t.Context(), args, []string{"DATABASE_URL=sqlite::memory:"}, io.Discard, io.Discard)
		if exitCode(err) != 2 {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func TestMigrateCommand(t *testing.T) {
	t.Parallel()
	environ := []string{"DATABASE_URL=sqlite:" + t.TempDir() + "/m.db"}
	do := func(what string) string {
		var out strings.Builder
		if err := run(t.Context(), append([]string{"migrate"}, strings.Fields(what)...), environ, &out, io.Discard); err != nil {
			t.Fatalf("migrate %s: %v", what, err)
		}
		return out.String()
	}
	for _, step := range []struct{ what, want string }{
		{"status", "pending"}, {"up", "applied"}, {"status", "applied"}, {"up", "nothing to do"},
		{"down --yes m.db", "reverted"}, {"status", "pending"}, {"down", "nothing to do"}, {"up", "applied"},
	} {
		if got := do(step.what); !strings.Contains(got, step.want) {
			t.Errorf("migrate %s: %q, want %q", step.what, got, step.want)
		}
	}
}

// TestMigrateDownAsks names what would be destroyed, and does nothing without the name of the database.
func TestMigrateDownAsks(t *testing.T) {
	t.Parallel()
	url := "DATABASE_URL=sqlite:" + t.TempDir() + "/precious.db"
	if err := run(t.Context(), []string{"migrate", "up"}, []string{url}, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"migrate", "down"}, {"migrate", "down", "--yes", "other.db"}} {
		var out strings.Builder
		err := run(t.Context(), args, []string{url}, &out, io.Discard)
		if err == nil || exitCode(err) != 1 || !strings.Contains(err.Error(), "--yes precious.db") {
			t.Errorf("%v: %v", args, err)
		}
		for _, want := range []string{"0002_sends, 0001_chats", "precious.db", "table messages, 0 rows"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%v says %q, without %q", args, out.String(), want)
			}
		}
		out.Reset()
		if err := run(t.Context(), []string{"migrate", "status"}, []string{url}, &out, io.Discard); err != nil || strings.Contains(out.String(), "pending") {
			t.Errorf("after %v the status is %q, %v", args, out.String(), err)
		}
	}
}

// TestStartOnNewerDatabase: a server says that the database is newer, and goes on only if it is compatible.
func TestStartOnNewerDatabase(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/newer.db"
	url := "DATABASE_URL=sqlite:" + path
	if err := run(t.Context(), []string{"migrate", "up"}, []string{url}, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	record(t, path, "INSERT INTO bun_migrations (name, group_id) VALUES ('9001', 2)", "INSERT INTO migration_notes (name, title, needs) VALUES ('9001', 'expand', '0003')")
	compatible := start(t, url)
	if said := compatible.logs.text(); !strings.Contains(said, "9001_expand") || !strings.Contains(said, "WARN") {
		t.Errorf("the server does not say that the database is newer:\n%s", said)
	}
	if err := compatible.stop(); err != nil {
		t.Fatal(err)
	}
	record(t, path, "INSERT INTO bun_migrations (name, group_id) VALUES ('9002', 3)")
	err := run(t.Context(), nil, []string{url, "ADDR=127.0.0.1:0"}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "9002") {
		t.Errorf("started on a database that it does not know: %v", err)
	}
	var out strings.Builder
	if err := run(t.Context(), []string{"migrate", "status"}, []string{url}, &out, io.Discard); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{"9001_expand": "is compatible", "9002": "is not compatible"} {
		if _, line, _ := strings.Cut(out.String(), name); !strings.Contains(strings.SplitN(line, "\n", 2)[0], want) {
			t.Errorf("the status of %s does not say %q:\n%s", name, want, out.String())
		}
	}
}

// record writes what a newer version would.
func record(t *testing.T, path string, statements ...string) {
	t.Helper()
	file, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, statement := range statements {
		if _, err := file.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRunMigrationsCheck: a server that may not migrate refuses a database that lacks something, and names it.
func TestRunMigrationsCheck(t *testing.T) {
	t.Parallel()
	environ := []string{"DATABASE_URL=sqlite:" + t.TempDir() + "/check.db", "RUN_MIGRATIONS=check", "ADDR=127.0.0.1:0"}
	err := run(t.Context(), nil, environ, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "0001_chats, 0002_sends") {
		t.Fatalf("an empty database: %v", err)
	}
	var out strings.Builder
	if err := run(t.Context(), []string{"migrate", "status"}, environ, &out, io.Discard); err != nil || !strings.Contains(out.String(), "0001_chats                               pending") {
		t.Errorf("the check changed the database: %q, %v", out.String(), err)
	}
	if err := run(t.Context(), []string{"migrate", "up"}, environ, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	if said := start(t, environ...).logs.text(); !strings.Contains(said, "Schema is up to date") {
		t.Errorf("the server says\n%s", said)
	}
	if said := start(t, append(environ, "RUN_MIGRATIONS=off")...).logs.text(); !strings.Contains(said, "not compared") {
		t.Errorf("with off the server says\n%s", said)
	}
}
