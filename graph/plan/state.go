package plan

import (
	"context"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// State is one execution of a plan. One goroutine uses it, except that Gather runs in several.
type State struct {
	Context context.Context //nolint:containedctx // one execution is one call
	Host    any             // what the generated functions find their resolvers in

	plan   *Plan
	vars   map[string]any
	buf    []byte
	frames []frame // where the execution is, for paths
	later  int     // how many of the lists around are past their first element
	answer Answer
	errs   gqlerror.List

	calls   int  // of resolvers
	counted int  // bytes of text
	keeping bool // what is rendered now may be kept: see keep.go

	values    []value   // of fields that were gathered, by Field.slot
	arguments []decoded // those with variables
}

// frame is an object on the way, and the field of it that is being rendered. index is the place in the field's list, or -1.
type frame struct {
	field *Field
	index int
}

var states = sync.Pool{New: func() any { return new(State) }}

func newState(ctx context.Context, p *Plan, vars map[string]any, buf []byte) *State {
	s, _ := states.Get().(*State)
	s.Context, s.answer = p.planner.Begin(ctx, p)
	s.Host, s.plan, s.vars, s.buf = p.planner.host, p, vars, buf
	s.values, s.arguments = resized(s.values, p.slots), resized(s.arguments, p.decoded)
	return s
}

// release gives the state back, without what the answer holds.
func (s *State) release() {
	clear(s.values)
	clear(s.arguments)
	clear(s.frames[:cap(s.frames)])
	*s = State{frames: s.frames[:0], values: s.values[:0], arguments: s.arguments[:0]}
	states.Put(s)
}

// resized is a list of n zero elements.
func resized[T any](list []T, n int) []T {
	if cap(list) < n {
		return make([]T, n)
	}
	return list[:n]
}

// path is where the execution is.
func (s *State) path() ast.Path {
	path := make(ast.Path, 0, 2*len(s.frames)+2)
	for _, at := range s.frames {
		path = append(path, ast.PathName(at.field.alias))
		if at.index >= 0 {
			path = append(path, ast.PathIndex(at.index))
		}
	}
	return path
}

// Renew is called before each field of a mutation.
func (s *State) Renew() { s.plan.planner.Renew(s.Context) }
