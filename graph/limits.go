package graph

import (
	"context"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"

	"studychat/auth"
)

// Limits of a document, checked before it is validated: validation takes time that grows with the square of repeated
// fields. Generated documents of big clients are well below; GraphiQL's introspection has 110 fields at depth 14.
const (
	MaxTokens     = 5000
	MaxFields     = 1000 // as written
	MaxSelections = 5000 // with fragments expanded: chained fragments double with each
	MaxDepth      = 20
	MaxAliases    = 100
	MaxFragments  = 100 // definitions and operations together
	MaxDirectives = 100
	// MaxObjects is the budget of an answer: how many objects it may hold if every page is full.
	// 20 chats with 50 messages each are about 2,000.
	MaxObjects = 5000
)

const codeTooComplex = "QUERY_TOO_COMPLEX"

func init() {
	errcode.RegisterErrorType(codeTooComplex, errcode.KindProtocol)
}

// limits refuses what would cost too much, at the earliest moment that can tell: nobody asks; the document is too big;
// the answer could be too big.
type limits struct{ known documentCache }

var (
	_ graphql.OperationParameterMutator = limits{}
	_ graphql.OperationContextMutator   = limits{}
)

// ExtensionName is for gqlgen.
func (limits) ExtensionName() string { return "Limits" }

// Validate is for gqlgen.
func (limits) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters changes nothing; it is gqlgen's hook before parsing.
func (l limits) MutateOperationParameters(ctx context.Context, params *graphql.RawParams) *gqlerror.Error {
	if _, err := auth.FromContext(ctx); err != nil {
		return gqlerror.WrapPath(nil, err)
	}
	if _, ok := l.known.Get(ctx, params.Query); ok {
		return nil // it passed before
	}
	document, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: params.Query}, MaxTokens)
	if err != nil {
		return nil //nolint:nilerr // gqlgen parses again and says so properly
	}
	return measureDocument(document).check()
}

// MutateOperationContext changes nothing; it is gqlgen's hook after validation.
func (limits) MutateOperationContext(_ context.Context, op *graphql.OperationContext) *gqlerror.Error {
	if op.Operation.Operation == ast.Subscription && len(graphql.CollectFields(op, op.Operation.SelectionSet, []string{"Subscription"})) != 1 {
		err := gqlerror.Errorf("A subscription must have exactly one root field.")
		errcode.Set(err, errcode.ValidationFailed)
		return err
	}
	return tooComplex("objects in the answer, if every page is full", MaxObjects, objects(op.Operation.SelectionSet, op.Variables))
}

// tooComplex is nil within the limit.
func tooComplex(what string, limit, value int) *gqlerror.Error {
	if value <= limit {
		return nil
	}
	err := gqlerror.Errorf("The document has too many %s: %d, of at most %d.", what, value, limit)
	err.Extensions = map[string]any{"code": codeTooComplex, "limit": limit, "value": value}
	return err
}

// size is what is counted in a document.
type size struct{ fields, aliases, directives, fragments, selections, depth int }

func (s size) check() *gqlerror.Error {
	for _, c := range []struct {
		what         string
		limit, value int
	}{
		{"fields", MaxFields, s.fields},
		{"aliases", MaxAliases, s.aliases},
		{"directives", MaxDirectives, s.directives},
		{"operations and fragments", MaxFragments, s.fragments},
		{"selections with its fragments expanded", MaxSelections, s.selections},
		{"levels", MaxDepth, s.depth},
	} {
		if err := tooComplex(c.what, c.limit, c.value); err != nil {
			return err
		}
	}
	return nil
}

// measure walks a document once: every fragment is measured once and its size is added wherever it is spread.
type measure struct {
	size

	fragments map[string]*ast.FragmentDefinition
	expanded  map[string]expansion
}

// expansion is what a selection set comes to with its fragments expanded.
type expansion struct{ selections, depth int }

func measureDocument(document *ast.QueryDocument) size {
	m := &measure{fragments: map[string]*ast.FragmentDefinition{}, expanded: map[string]expansion{}}
	m.size.fragments = len(document.Operations) + len(document.Fragments)
	for _, f := range document.Fragments {
		m.fragments[f.Name] = f
		m.directives += len(f.Directives)
	}
	for _, f := range document.Fragments {
		m.spread(f.Name)
	}
	for _, op := range document.Operations {
		m.directives += len(op.Directives)
		e := m.walk(op.SelectionSet)
		m.selections, m.depth = max(m.selections, e.selections), max(m.depth, e.depth)
	}
	return m.size
}

// saturated keeps doubling fragments from overflowing.
const saturated = 1 << 30

func (m *measure) walk(set ast.SelectionSet) (e expansion) {
	for _, selection := range set {
		var inner expansion
		switch s := selection.(type) {
		case *ast.Field:
			m.fields++
			m.directives += len(s.Directives)
			if s.Alias != s.Name {
				m.aliases++
			}
			inner = m.walk(s.SelectionSet)
			inner.depth++
		case *ast.InlineFragment:
			m.directives += len(s.Directives)
			inner = m.walk(s.SelectionSet)
		case *ast.FragmentSpread:
			m.directives += len(s.Directives)
			inner = m.spread(s.Name)
		}
		e.selections = min(saturated, e.selections+inner.selections+1)
		e.depth = max(e.depth, inner.depth)
	}
	return e
}

// spread measures a fragment the first time. A fragment within itself counts for nothing: validation refuses it.
func (m *measure) spread(name string) expansion {
	if e, ok := m.expanded[name]; ok {
		return e
	}
	m.expanded[name] = expansion{}
	if f := m.fragments[name]; f != nil {
		m.expanded[name] = m.walk(f.SelectionSet)
	}
	return m.expanded[name]
}

// objects is how many objects the answer holds at most: a page counts in full, a list of members as ten.
func objects(set ast.SelectionSet, variables map[string]any) (n int) {
	for _, selection := range set {
		inner := 0
		switch s := selection.(type) {
		case *ast.Field:
			if len(s.SelectionSet) > 0 {
				inner = 1 + pageSize(s, variables)*objects(s.SelectionSet, variables)
			}
		case *ast.InlineFragment:
			inner = objects(s.SelectionSet, variables)
		case *ast.FragmentSpread:
			if s.Definition != nil {
				inner = objects(s.Definition.SelectionSet, variables)
			}
		}
		n = min(saturated, n+inner)
	}
	return n
}

// usualPage is what lists without paging count as, and pages that do not say how large they are.
var usualPage = map[string]int{"chats": 20, "messages": 50, "members": 10}

func pageSize(field *ast.Field, variables map[string]any) int {
	size, paged := usualPage[field.Name]
	if !paged {
		return 1
	}
	for _, name := range []string{"first", "last"} {
		argument := field.Arguments.ForName(name)
		if argument == nil {
			continue
		}
		value, err := argument.Value.Value(variables)
		if n, ok := asInt(value); err == nil && ok {
			size = min(max(n, 0), 100) // larger ones are refused by the field, which names the argument
		}
	}
	return size
}

func asInt(value any) (int, bool) {
	var n int
	_, err := fmt.Sscan(fmt.Sprint(value), &n)
	return n, err == nil
}
