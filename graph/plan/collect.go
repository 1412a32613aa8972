package plan

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// collection is CollectFields of the specification (6.3.2): what is selected of an object type, with fragments and conditions
// resolved, and fields of one alias together.
type collection struct {
	*compiler

	on      string // the object type
	visited map[string]bool
	groups  []*group
}

func (c *collection) add(selections ast.SelectionSet) {
	for _, selection := range selections {
		switch s := selection.(type) {
		case *ast.Field:
			if c.included(s.Directives) {
				c.addField(s)
			}
		case *ast.InlineFragment:
			if c.included(s.Directives) && c.applies(s.TypeCondition) {
				c.add(s.SelectionSet)
			}
		case *ast.FragmentSpread:
			c.addSpread(s)
		}
	}
}

func (c *collection) addField(node *ast.Field) {
	at := slices.IndexFunc(c.groups, func(g *group) bool { return g.alias == node.Alias })
	if at < 0 {
		c.groups = append(c.groups, &group{node.Alias, []*ast.Field{node}})
		return
	}
	c.groups[at].nodes = append(c.groups[at].nodes, node)
}

func (c *collection) addSpread(spread *ast.FragmentSpread) {
	if !c.included(spread.Directives) || c.visited[spread.Name] {
		return
	}
	c.visited[spread.Name] = true
	if fragment := c.doc.Fragments.ForName(spread.Name); c.applies(fragment.TypeCondition) {
		c.add(fragment.SelectionSet)
	}
}

func (c *collection) applies(condition string) bool {
	if condition == "" || condition == c.on {
		return true
	}
	return slices.ContainsFunc(c.planner.schema.PossibleTypes[condition], func(possible *ast.Definition) bool { return possible.Name == c.on })
}

func (c *collection) included(directives ast.DirectiveList) bool {
	for _, directive := range directives {
		if name := directive.Name; (name == "skip" || name == "include") && c.condition(directive) != (name == "include") {
			return false
		}
	}
	return true
}

// condition is the value of a directive's argument `if`.
func (c *compiler) condition(directive *ast.Directive) bool {
	argument := directive.Arguments.ForName("if")
	if argument == nil {
		c.covered = false
		return false
	}
	value, err := argument.Value.Value(c.vars)
	is, ok := value.(bool)
	if err != nil || !ok {
		c.covered = false
	}
	return is
}

// conditions are the variables that the document's @skip and @include use.
func conditions(doc *ast.QueryDocument, op *ast.OperationDefinition) []string {
	var names []string
	collectConditions(op.SelectionSet, &names)
	for _, fragment := range doc.Fragments {
		collectConditions(fragment.SelectionSet, &names)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func collectConditions(selections ast.SelectionSet, names *[]string) {
	for _, selection := range selections {
		switch s := selection.(type) {
		case *ast.Field:
			addConditions(s.Directives, names)
			collectConditions(s.SelectionSet, names)
		case *ast.InlineFragment:
			addConditions(s.Directives, names)
			collectConditions(s.SelectionSet, names)
		case *ast.FragmentSpread:
			addConditions(s.Directives, names)
		}
	}
}

func addConditions(directives ast.DirectiveList, names *[]string) {
	for _, directive := range directives {
		if argument := directive.Arguments.ForName("if"); argument != nil && argument.Value.Kind == ast.Variable {
			*names = append(*names, argument.Value.Raw)
		}
	}
}
