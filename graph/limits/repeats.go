package limits

import "github.com/vektah/gqlparser/v2/ast"

// repeats counts the pairs of fields in the same place of the answer.
type repeats struct {
	definitions map[string]*ast.FragmentDefinition
	pairs       int
}

// place is a place in the answer: the number of fields that are written there, and the places below it.
type place struct {
	fields int
	below  map[string]*place
}

// countRepeats takes time in proportion to the document with its fragments expanded, which must be within its limit and
// without cycles.
func countRepeats(document *ast.QueryDocument, definitions map[string]*ast.FragmentDefinition) int {
	r := &repeats{definitions: definitions}
	for _, op := range document.Operations {
		r.walk(&place{}, op.SelectionSet, 1)
	}
	for _, f := range document.Fragments {
		r.walk(&place{}, f.SelectionSet, 1)
	}
	return r.pairs
}

// walk counts a pair once for the set and once more for each inline fragment around it, as often as validation compares it.
func (r *repeats) walk(at *place, set ast.SelectionSet, often int) {
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			below := at.at(s.Alias)
			r.pairs = min(saturated, r.pairs+often*below.fields)
			below.fields++
			r.walk(below, s.SelectionSet, 1)
		case *ast.InlineFragment:
			r.walk(at, s.SelectionSet, often+1)
		case *ast.FragmentSpread:
			r.walk(at, r.definitions[s.Name].SelectionSet, often)
		}
	}
}

func (p *place) at(name string) *place {
	if p.below == nil {
		p.below = map[string]*place{}
	}
	if p.below[name] == nil {
		p.below[name] = &place{}
	}
	return p.below[name]
}
