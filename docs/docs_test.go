package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSecurityPageNamesTests: a table of defences is worth what its tests are, so each must be there.
func TestSecurityPageNamesTests(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("security.md")
	if err != nil {
		t.Fatal(err)
	}
	known := testNames(t)
	named := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9]+)`").FindAllStringSubmatch(string(page), -1)
	if len(named) < 50 || !known["TestSecurityPageNamesTests"] || known["TestThatNeverWas"] {
		t.Fatalf("%d tests named: the pattern or the search is wrong", len(named))
	}
	for _, name := range named {
		if !known[name[1]] {
			t.Errorf("docs/security.md names %s, which is not there", name[1])
		}
	}
	for line := range strings.Lines(string(page)) {
		if cells := strings.Split(line, "|"); len(cells) == 5 && strings.TrimSpace(cells[2]) != "" && !strings.Contains(cells[3], "`") && !strings.Contains(line, "---") && !strings.Contains(line, "defence") {
			t.Errorf("a defence without a test: %s", line)
		}
	}
}

// testNames are those of all test functions of the repository.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	names := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git") {
			return fs.SkipDir
		}
		if strings.HasSuffix(path, "_test.go") {
			source, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, match := range declared.FindAllStringSubmatch(string(source), -1) {
				names[match[1]] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
