package deploy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// programs are the files of the server itself, by their path: no tests, benchmarks, generators and generated code.
var programs = sync.OnceValues(func() (map[string]*ast.File, error) {
	all := map[string]*ast.File{}
	err := fs.WalkDir(os.DirFS(".."), ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && notProgram(path):
			return fs.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", path), nil, parser.SkipObjectResolution)
		all[path] = file
		return err
	})
	return all, err
})

// notProgram reports whether a folder holds nothing of the server.
func notProgram(path string) bool {
	switch path {
	case "test", "bench", "docs", "bin", "deploy", "web/node_modules", "graph/generated", "graph/plan/generate":
		return true
	}
	name := filepath.Base(path)
	return name == "node_modules" || strings.HasPrefix(name, ".") || strings.HasSuffix(name, "test")
}

func source(t *testing.T) map[string]*ast.File {
	t.Helper()
	all, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 150 {
		t.Fatalf("%d files found: the search is wrong", len(all))
	}
	return all
}

// literal is the text of an expression, as far as it is written in the source: what is not becomes "…". It is "" when nothing is.
func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return text
		}
	case *ast.BinaryExpr:
		left, right := literal(e.X), literal(e.Y)
		if e.Op != token.ADD || left+right == "" {
			return ""
		}
		if left == "" {
			left = "…"
		}
		if right == "" {
			right = "…"
		}
		return left + right
	}
	return ""
}

// words are all texts of the source.
func words(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{"query": true, "mutation": true, "subscription": true} // these are the parser's
	for _, file := range source(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			if text, ok := n.(*ast.BasicLit); ok {
				all[literal(text)] = true
			}
			return true
		})
	}
	return all
}
