package graph_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"studychat/graph"
)

// shown are the fields that the documents of snapshots select, as "Type.field".
var shown sync.Map

// noteShown notes the fields of a document whose answer is compared with a snapshot.
func noteShown(document string) {
	parsed, errs := gqlparser.LoadQueryWithRules(graph.Schema(), document, nil)
	if errs != nil {
		return
	}
	for _, operation := range parsed.Operations {
		noteSelection(operation.SelectionSet)
	}
}

func noteSelection(set ast.SelectionSet) {
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			// Concat copies: to append to the schema's own slice would write into memory that all tests share.
			for _, owner := range slices.Concat(graph.Schema().GetPossibleTypes(s.ObjectDefinition), ast.DefinitionList{s.ObjectDefinition}) {
				shown.Store(owner.Name+"."+s.Name, true)
			}
			noteSelection(s.SelectionSet)
		case *ast.InlineFragment:
			noteSelection(s.SelectionSet)
		case *ast.FragmentSpread:
			noteSelection(s.Definition.SelectionSet)
		}
	}
}

// notShown are the fields of objects that no document of a snapshot selects: a field that the schema gains needs one.
func notShown() error {
	var missing []string
	for _, definition := range graph.Schema().Types {
		if definition.Kind != ast.Object || strings.HasPrefix(definition.Name, "__") {
			continue
		}
		for _, field := range definition.Fields {
			if _, ok := shown.Load(definition.Name + "." + field.Name); !ok && !strings.HasPrefix(field.Name, "__") {
				missing = append(missing, definition.Name+"."+field.Name)
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return fmt.Errorf("no test asks for %s: add them to a document whose answer is compared with a snapshot", strings.Join(missing, ", "))
}
