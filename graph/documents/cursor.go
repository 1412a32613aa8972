package documents

import (
	"encoding/json"
	"maps"

	"github.com/vektah/gqlparser/v2/ast"
)

// WithoutCursor returns a text of the variables that is equal for subscribers who are shown the same: it leaves out the variable that
// says where the stream begins, if it says nothing else.
func (o *Operation) WithoutCursor(variables map[string]any) string {
	if name := o.cursorVariable(); name != "" {
		variables = maps.Clone(variables)
		delete(variables, name)
	}
	text, _ := json.Marshal(variables) // with sorted keys; they came as JSON
	return string(text)
}

func (o *Operation) cursorVariable() string {
	set := o.Definition.SelectionSet
	if len(set) != 1 {
		return ""
	}
	root, ok := set[0].(*ast.Field)
	if !ok {
		return ""
	}
	after := root.Arguments.ForName("after")
	if after == nil || after.Value.Kind != ast.Variable {
		return ""
	}
	uses := usesOf(after.Value.Raw, set)
	for _, fragment := range o.Document.AST.Fragments {
		uses += usesOf(after.Value.Raw, fragment.SelectionSet)
	}
	if uses > 1 {
		return ""
	}
	return after.Value.Raw
}

// usesOf counts the places where a variable is used, in arguments and conditions.
func usesOf(variable string, set ast.SelectionSet) (n int) {
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			n += inArguments(variable, s.Arguments) + inDirectives(variable, s.Directives) + usesOf(variable, s.SelectionSet)
		case *ast.InlineFragment:
			n += inDirectives(variable, s.Directives) + usesOf(variable, s.SelectionSet)
		case *ast.FragmentSpread:
			n += inDirectives(variable, s.Directives)
		}
	}
	return n
}

func inDirectives(variable string, directives ast.DirectiveList) (n int) {
	for _, d := range directives {
		n += inArguments(variable, d.Arguments)
	}
	return n
}

func inArguments(variable string, arguments ast.ArgumentList) (n int) {
	for _, a := range arguments {
		n += inValue(variable, a.Value)
	}
	return n
}

func inValue(variable string, value *ast.Value) (n int) {
	if value.Kind == ast.Variable && value.Raw == variable {
		return 1
	}
	for _, child := range value.Children {
		n += inValue(variable, child.Value)
	}
	return n
}
