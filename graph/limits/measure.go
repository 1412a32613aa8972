package limits

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// size is what is counted in a document.
type size struct {
	fields, aliases, directives, fragments, variables, arguments int
	selections, depth                                            int // with fragments expanded
	repeats                                                      int // counted only when all else is within its limits
	introspection                                                bool
	wrong                                                        string // why the fragments cannot be expanded
}

func (s size) check() *gqlerror.Error {
	if s.wrong != "" {
		return invalid(s.wrong)
	}
	return checkCounts(s.counts())
}

func (s size) counts() []count {
	return []count{
		{"operations and fragments", MaxFragments, s.fragments},
		{"variables", MaxVariables, s.variables},
		{"fields", MaxFields, s.fields},
		{"aliases", MaxAliases, s.aliases},
		{"directives", MaxDirectives, s.directives},
		{"arguments", MaxArguments, s.arguments},
		{"selections and values with its fragments expanded", MaxSelections, s.selections},
		{"levels", MaxDepth, s.depth},
		{"fields in the same place", MaxRepeats, s.repeats},
	}
}

// measure walks a document once. Every fragment is measured once, and its size is added wherever it is spread.
type measure struct {
	size

	definitions map[string]*ast.FragmentDefinition
	expanded    map[string]*expansion // nil while the walk is within the fragment
}

// expansion is the size of a selection set with its fragments expanded. Values count like selections, since validation checks
// the values of a fragment again for each operation and each fragment that reaches it.
type expansion struct{ selections, depth int }

func measureDocument(document *ast.QueryDocument) size {
	m := &measure{definitions: map[string]*ast.FragmentDefinition{}, expanded: map[string]*expansion{}}
	m.fragments = len(document.Operations) + len(document.Fragments)
	for _, f := range document.Fragments {
		if m.definitions[f.Name] != nil { // the name is ambiguous
			m.wrong = `There can be only one fragment named "` + f.Name + `".`
		}
		m.definitions[f.Name] = f
		m.countDirectives(f.Directives)
	}
	for _, f := range document.Fragments {
		m.add(m.spread(f.Name))
	}
	for _, op := range document.Operations {
		m.variables += len(op.VariableDefinitions)
		m.countDirectives(op.Directives)
		m.add(m.walk(op.SelectionSet))
	}
	if m.check() == nil {
		m.repeats = countRepeats(document, m.definitions)
	}
	return m.size
}

// saturated keeps doubling fragments from overflowing.
const saturated = 1 << 30

// add counts what validation walks: each operation and each fragment, with everything that it reaches.
func (m *measure) add(e expansion) {
	m.selections, m.depth = min(saturated, m.selections+e.selections), max(m.depth, e.depth)
}

// countDirectives returns how many values they hold.
func (m *measure) countDirectives(directives ast.DirectiveList) (n int) {
	m.directives += len(directives)
	for _, d := range directives {
		m.arguments += len(d.Arguments)
		n += values(d.Arguments)
	}
	return n
}

func values(arguments ast.ArgumentList) (n int) {
	for _, a := range arguments {
		n += countValues(a.Value)
	}
	return n
}

// textWeight is how many bytes of text count as one value. A wrong value is written into a message each time that it is checked,
// and the values of a fragment are checked wherever it is spread.
const textWeight = 512

func countValues(value *ast.Value) int {
	n := 1 + len(value.Raw)/textWeight
	for _, child := range value.Children {
		n += countValues(child.Value)
	}
	return n
}

func (m *measure) walk(set ast.SelectionSet) (e expansion) {
	for _, selection := range set {
		var inner expansion
		own := 1
		switch s := selection.(type) {
		case *ast.Field:
			own += m.countField(s) + m.countDirectives(s.Directives)
			inner = m.walk(s.SelectionSet)
			inner.depth++
		case *ast.InlineFragment:
			own += m.countDirectives(s.Directives)
			inner = m.walk(s.SelectionSet)
			inner.depth++
		case *ast.FragmentSpread:
			own += m.countDirectives(s.Directives)
			inner = m.spread(s.Name)
		}
		e.selections = min(saturated, e.selections+inner.selections+own)
		e.depth = max(e.depth, inner.depth)
	}
	return e
}

// countField returns how many values its arguments hold.
func (m *measure) countField(field *ast.Field) int {
	m.fields++
	m.arguments += len(field.Arguments)
	if field.Alias != field.Name {
		m.aliases++
	}
	if field.Name == "__schema" || field.Name == "__type" {
		m.introspection = true
	}
	return values(field.Arguments)
}

// spread measures a fragment the first time. Validation would refuse unknown fragments and cycles too, but only after it
// compared every pair of spreads: a thousand unknown ones took 280 ms.
func (m *measure) spread(name string) expansion {
	known, seen := m.expanded[name]
	switch {
	case known != nil:
		return *known
	case seen:
		m.wrong = `Cannot spread fragment "` + name + `" within itself.`
		return expansion{}
	case m.definitions[name] == nil:
		m.wrong = `Unknown fragment "` + name + `".`
		return expansion{}
	}
	m.expanded[name] = nil
	e := m.walk(m.definitions[name].SelectionSet)
	m.expanded[name] = &e
	return e
}
