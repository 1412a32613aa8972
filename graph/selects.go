package graph

import (
	"context"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// selects says whether the document has a field of one of the names, anywhere: enough to know what need not be read.
func selects(ctx context.Context, names ...string) bool {
	if !graphql.HasOperationContext(ctx) {
		return true
	}
	document := graphql.GetOperationContext(ctx).Doc
	for _, operation := range document.Operations {
		if selectsIn(operation.SelectionSet, names) {
			return true
		}
	}
	for _, fragment := range document.Fragments {
		if selectsIn(fragment.SelectionSet, names) {
			return true
		}
	}
	return false
}

// selectsIn looks at a selection set as it is written: what it spreads is looked at by itself.
func selectsIn(set ast.SelectionSet, names []string) bool {
	return slices.ContainsFunc(set, func(selection ast.Selection) bool {
		switch s := selection.(type) {
		case *ast.Field:
			return slices.Contains(names, s.Name) || selectsIn(s.SelectionSet, names)
		case *ast.InlineFragment:
			return selectsIn(s.SelectionSet, names)
		}
		return false
	})
}
