package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// hop is one row of a journey: a function, and whether a function above calls it.
type hop struct {
	file, function string // "graph/mutation_messages.go", "Mutation.SendMessage" or "run"
	called         bool
}

// The rows of a journey: | calls | `transport/http.go` | `Transport.servePost` | what happens |
var hopRow = regexp.MustCompile("^\\| (start|calls|reaches) \\| `([a-z_/0-9]+\\.go)` \\| `([A-Za-z_.0-9]+)` \\|")

// journeys returns the rows of docs/architecture.md by their heading.
func journeys(t *testing.T) map[string][]hop {
	t.Helper()
	page, err := os.ReadFile("architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	all, heading := map[string][]hop{}, ""
	for line := range strings.Lines(string(page)) {
		if text, ok := strings.CutPrefix(line, "### "); ok {
			heading = strings.TrimSpace(text)
		}
		if row := hopRow.FindStringSubmatch(line); row != nil {
			all[heading] = append(all[heading], hop{file: row[2], function: row[3], called: row[1] == "calls"})
		}
	}
	return all
}

// TestJourneys: every function on the way exists in the file that the page names, and a function above mentions it where the page
// says that one calls it.
func TestJourneys(t *testing.T) {
	t.Parallel()
	all := journeys(t)
	for _, want := range []string{"A message is sent", "A list is read", "A stream is followed"} {
		if len(all[want]) < 8 {
			t.Errorf("the journey %q has %d rows: the page or the pattern is wrong", want, len(all[want]))
		}
	}
	for name, hops := range all {
		for i, h := range hops {
			if err := h.check(hops[:i]); err != "" {
				t.Errorf("%s, row %d: %s", name, i+1, err)
			}
		}
	}
}

// TestJourneysNoticeMistakes is the negative control.
func TestJourneysNoticeMistakes(t *testing.T) {
	t.Parallel()
	here := hop{file: "docs/architecture_test.go", function: "hop.check"}
	above := []hop{here}
	for reason, h := range map[string]hop{
		"a file that does not exist":           {file: "docs/nowhere.go", function: "check"},
		"a function that does not exist":       {file: here.file, function: "nowhere"},
		"a method of another type":             {file: here.file, function: "other.check"},
		"a function that nothing before calls": {file: here.file, function: "TestJourneys", called: true},
	} {
		if h.check(above) == "" {
			t.Errorf("%s passes", reason)
		}
	}
	if err := (hop{file: here.file, function: "declaration", called: true}).check(above); err != "" {
		t.Error(err)
	}
}

// check returns what is wrong with a row.
func (h hop) check(above []hop) string {
	if declaration(h.file, h.function) == nil {
		return h.file + " does not declare " + h.function
	}
	calls := func(caller hop) bool {
		found := declaration(caller.file, caller.function)
		return found != nil && mentions(found, h.function)
	}
	if h.called && !slices.ContainsFunc(above, calls) {
		return "no function above mentions " + h.function
	}
	return ""
}

// declaration finds a function, or a method written as Type.Method.
func declaration(file, name string) *ast.FuncDecl {
	source, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", file), nil, parser.SkipObjectResolution)
	if err != nil {
		return nil
	}
	i := slices.IndexFunc(source.Decls, func(d ast.Decl) bool {
		f, ok := d.(*ast.FuncDecl)
		return ok && receiver(f)+f.Name.Name == name
	})
	if i < 0 {
		return nil
	}
	return source.Decls[i].(*ast.FuncDecl)
}

// receiver returns "Type." for a method, and "" for a function.
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	kind := f.Recv.List[0].Type
	if pointer, ok := kind.(*ast.StarExpr); ok {
		kind = pointer.X
	}
	if generic, ok := kind.(*ast.IndexExpr); ok {
		kind = generic.X
	}
	if name, ok := kind.(*ast.Ident); ok {
		return name.Name + "."
	}
	return "?."
}

// mentions reports whether a function uses the last part of the name, as a call, a method value or through an interface.
func mentions(f *ast.FuncDecl, name string) bool {
	last := name[strings.LastIndex(name, ".")+1:]
	found := false
	ast.Inspect(f.Body, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && id.Name == last {
			found = true
		}
		return !found
	})
	return found
}

// TestNamedFilesExist: every file and folder that the page names exists.
func TestNamedFilesExist(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`([a-z][a-z_./*]*(?:\\.go|\\.graphqls|/))`").FindAllStringSubmatch(string(page), -1)
	if len(named) < 40 {
		t.Fatalf("%d files named: the pattern is wrong", len(named))
	}
	for _, name := range named {
		if found, err := filepath.Glob(filepath.Join("..", name[1])); err != nil || len(found) == 0 {
			t.Errorf("docs/architecture.md names %s, which does not exist", name[1])
		}
	}
}
