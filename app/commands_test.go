package app

import (
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
	for _, args := range [][]string{{"serve"}, {"migrate"}, {"migrate", "sideways"}, {"migrate", "up", "now"}} {
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
		if err := run(t.Context(), []string{"migrate", what}, environ, &out, io.Discard); err != nil {
			t.Fatalf("migrate %s: %v", what, err)
		}
		return out.String()
	}
	for _, step := range []struct{ what, want string }{
		{"status", "pending"}, {"up", "applied"}, {"status", "applied"}, {"up", "nothing to do"},
		{"down", "reverted"}, {"status", "pending"}, {"up", "applied"},
	} {
		if got := do(step.what); !strings.Contains(got, step.want) {
			t.Errorf("migrate %s: %q, want %q", step.what, got, step.want)
		}
	}
}
