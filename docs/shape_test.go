package docs

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Limits of the shape. A file that outgrows them has more than one topic.
const (
	maxFileLines   = 300
	medianLines    = 120
	maxFiles       = 24  // of one package
	testsPerCode   = 1.2 // lines of tests for each line of code
	minSourceFiles = 150 // fewer means that the search is wrong
)

// TestShape: files are small, packages too, and tests outweigh the code.
func TestShape(t *testing.T) {
	t.Parallel()
	var sizes []int
	perPackage := map[string]int{}
	code, tests := 0, 0
	walkGo(t, func(path string, source []byte) {
		lines := bytes.Count(source, []byte("\n"))
		if measures(path) {
			return
		}
		if isTest(path) {
			tests += lines
			return
		}
		code += lines
		sizes = append(sizes, lines)
		perPackage[filepath.Dir(path)]++
		if lines > maxFileLines {
			t.Errorf("%s has %d lines, more than %d", path, lines, maxFileLines)
		}
	})
	if len(sizes) < minSourceFiles {
		t.Fatalf("%d files found", len(sizes))
	}
	slices.Sort(sizes)
	if median := sizes[len(sizes)/2]; median > medianLines {
		t.Errorf("the median file has %d lines, more than %d", median, medianLines)
	}
	for directory, n := range perPackage {
		if n > maxFiles {
			t.Errorf("%s has %d files, more than %d", directory, n, maxFiles)
		}
	}
	if float64(tests) < testsPerCode*float64(code) {
		t.Errorf("%d lines of tests for %d lines of code", tests, code)
	}
	t.Logf("%d files, %d lines of code, %d of tests", len(sizes), code, tests)
}

// isTest reports whether a file exists for tests alone.
func isTest(path string) bool {
	directory := filepath.Dir(path)
	return strings.HasSuffix(path, "_test.go") || strings.HasPrefix(directory, "test/") || strings.HasSuffix(directory, "test")
}

// measures reports whether a file belongs to the benchmarks: neither the program nor a check of it.
func measures(path string) bool { return strings.HasPrefix(path, "bench/") }

// walkGo visits every Go file of the repository that is not generated.
func walkGo(t *testing.T, visit func(path string, source []byte)) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(".."), ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || strings.HasPrefix(entry.Name(), ".") && path != "."):
			return fs.SkipDir
		case !strings.HasSuffix(path, ".go"):
			return nil
		}
		source, err := os.ReadFile(filepath.Join("..", path))
		if err == nil && !bytes.Contains(source, []byte("\n// Code generated ")) && !bytes.HasPrefix(source, []byte("// Code generated ")) {
			visit(path, source)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
