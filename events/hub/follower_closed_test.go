package hub

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"
	"testing"
)

// TestFollowerIsClosed: outside follower*.go, nothing writes a field of a follower.
func TestFollowerIsClosed(t *testing.T) {
	t.Parallel()
	fset := token.NewFileSet()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	info := &types.Info{Selections: map[*ast.SelectorExpr]*types.Selection{}}
	config := types.Config{Error: func(error) {}} // imports are not resolved: only types of this package matter
	pkg, _ := config.Check("hub", fset, files, info)
	fields := map[types.Object]bool{}
	declared := pkg.Scope().Lookup("follower").Type().Underlying().(*types.Struct)
	for i := range declared.NumFields() {
		fields[declared.Field(i)] = true
	}
	written := 0
	check := func(target ast.Expr) {
		selector, ok := target.(*ast.SelectorExpr)
		if !ok || info.Selections[selector] == nil || !fields[info.Selections[selector].Obj()] {
			return
		}
		written++
		if at := fset.Position(selector.Pos()); !strings.HasPrefix(at.Filename, "follower") {
			t.Errorf("%s writes follower.%s: give the follower a method", at, selector.Sel.Name)
		}
	}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, target := range n.Lhs {
					check(target)
					if inner, ok := target.(*ast.SelectorExpr); ok {
						check(inner.X) // f.cursor.Seq = …
					}
				}
			case *ast.IncDecStmt:
				check(n.X)
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					check(n.X)
				}
			}
			return true
		})
	}
	if written < 20 {
		t.Errorf("only %d writes were found: the check is blind", written)
	}
}
