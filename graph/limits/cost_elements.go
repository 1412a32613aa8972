package limits

import (
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"studychat/db"
)

// elements is how many values a field has at most: 1 unless it is a list.
type elements struct {
	usual int
	sizes []*ast.Value // `first` and `last` of a page
	ids   *ast.Value   // of a list of ids
}

// elementsOf is about a field whose parent is a page of that size, if it is a page at all.
func elementsOf(field *ast.Field, page elements) elements {
	if field.Definition.Type.Elem == nil {
		return elements{usual: 1}
	}
	if strings.HasSuffix(field.ObjectDefinition.Name, "Connection") { // edges, nodes
		return page
	}
	usual := otherList
	if n, ok := listSize[key(field)]; ok {
		usual = n
	}
	if ids := field.Arguments.ForName("ids"); ids != nil {
		return elements{usual: usual, ids: ids.Value}
	}
	return elements{usual: usual}
}

// pageOf is the size of a field's page; zero for a field without pages.
func pageOf(field *ast.Field) elements {
	size, paged := usualPage[key(field)]
	if !paged {
		return elements{}
	}
	e := elements{usual: size}
	for _, name := range []string{"first", "last"} {
		if argument := field.Arguments.ForName(name); argument != nil {
			e.sizes = append(e.sizes, argument.Value)
		}
	}
	return e
}

// varies reports whether the number depends on variables.
func (e elements) varies() bool {
	if e.ids != nil && hasVariable(e.ids) {
		return true
	}
	for _, size := range e.sizes {
		if hasVariable(size) {
			return true
		}
	}
	return false
}

func hasVariable(value *ast.Value) bool {
	if value.Kind == ast.Variable {
		return true
	}
	for _, child := range value.Children {
		if hasVariable(child.Value) {
			return true
		}
	}
	return false
}

func (e elements) of(variables map[string]any) int {
	if e.ids != nil {
		if value, err := e.ids.Value(variables); err == nil {
			list, _ := value.([]any)
			return min(max(len(list), 1), MaxNodes) // more are refused by the field
		}
	}
	n := e.usual
	for _, size := range e.sizes {
		value, err := size.Value(variables)
		if given, ok := asInt(value); err == nil && ok {
			n = min(max(given, 0), db.MaxPage) // larger ones are refused by the field, which names the argument
		}
	}
	return n
}

func asInt(value any) (int, bool) {
	switch n := value.(type) {
	case int:
		return n, true
	case int64:
		return int(n), true
	case nil:
		return 0, false
	}
	var n int
	_, err := fmt.Sscan(fmt.Sprint(value), &n)
	return n, err == nil
}
