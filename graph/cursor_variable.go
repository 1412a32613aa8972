package graph

import "github.com/vektah/gqlparser/v2/ast"

// cursorVariable names the variable of a subscription that says where its stream begins, if it says nothing else. It differs between
// subscribers that are shown the same.
func cursorVariable(doc *ast.QueryDocument, op *ast.OperationDefinition) string {
	if len(op.SelectionSet) != 1 {
		return ""
	}
	root, ok := op.SelectionSet[0].(*ast.Field)
	if !ok {
		return ""
	}
	after := root.Arguments.ForName("after")
	if after == nil || after.Value.Kind != ast.Variable {
		return ""
	}
	uses := usesOf(after.Value.Raw, op.SelectionSet)
	for _, fragment := range doc.Fragments {
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
