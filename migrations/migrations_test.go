package migrations

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestMigrationsSayWhoMayRun: the author of each migration has thought about versions that do not know it.
func TestMigrationsSayWhoMayRun(t *testing.T) {
	t.Parallel()
	line := regexp.MustCompile(`^-- (?:Compatible with versions that know (\d{4})\.|Not compatible with older versions\.)\n`)
	first := map[string]string{}
	for _, dialect := range []string{"postgres", "sqlite"} {
		paths, err := fs.Glob(Of(dialect), "*.up.sql")
		if err != nil || len(paths) < 3 {
			t.Fatalf("%s has %v, %v", dialect, paths, err)
		}
		for _, path := range paths {
			text, err := fs.ReadFile(Of(dialect), path)
			if err != nil {
				t.Fatal(err)
			}
			number, _, _ := strings.Cut(path, "_")
			if number == "0001" {
				continue // there is no older version
			}
			found := line.FindStringSubmatch(string(text))
			switch {
			case found == nil:
				t.Errorf("%s/%s must begin with the line `-- Compatible with versions that know NNNN.` or `-- Not compatible with older versions.`: see docs/operations.md, Upgrades", dialect, path)
			case found[1] >= number:
				t.Errorf("%s/%s names %s, which is not older", dialect, path, found[1])
			case found[1] != "" && !slices.ContainsFunc(paths, func(other string) bool { return strings.HasPrefix(other, found[1]+"_") }):
				t.Errorf("%s/%s names %s, which is not a migration", dialect, path, found[1])
			case first[number] != "" && first[number] != found[0]:
				t.Errorf("the two files of %s disagree", number)
			default:
				first[number] = found[0]
			}
		}
	}
}

// TestEachInATransaction: on PostgreSQL a migration and its mark are one transaction, which holds the lock too.
func TestEachInATransaction(t *testing.T) {
	t.Parallel()
	paths, err := fs.Glob(Of("postgres"), "*.sql")
	if err != nil || len(paths) < 6 {
		t.Fatalf("%v, %v", paths, err)
	}
	for _, path := range paths {
		if !strings.HasSuffix(path, ".tx.up.sql") && !strings.HasSuffix(path, ".tx.down.sql") {
			t.Errorf("%s is not named .tx.", path)
		}
	}
}
