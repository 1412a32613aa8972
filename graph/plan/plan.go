// Package plan renders the answers of operations: what an operation selects is decided once, by Planner.Compile, and each
// execution walks the compiled plan and appends JSON to a buffer. Fields get their data from the typed resolvers and structs
// that gqlgen binds: graph/generated/plan.go, which graph/plan/generate writes from the schema, calls them.
package plan

import (
	"context"
	"sync/atomic"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Result is what became of a value.
type Result uint8

// The results.
const (
	Written Result = iota // it is in the buffer
	Null                  // there is none
	Failed                // there is none, and the errors say why
)

// Options is what a plan needs of the executor that runs it.
type Options struct {
	// Begin begins an answer of p (in a stream: an event). The resolvers get the context, and testify to the Answer.
	Begin func(ctx context.Context, p *Plan) (context.Context, Answer)

	// Present turns an error, which has its path, into one of the answer.
	Present func(ctx context.Context, err error) *gqlerror.Error

	// Recover turns a panic into an error. It is called while the stack of the panic is still there.
	Recover func(ctx context.Context, cause any) error

	// Renew is called before each field of a mutation, which has to see what the earlier ones changed.
	Renew func(ctx context.Context)

	// Await is called with the error of a field of an event. It may call again until the field has no error.
	Await func(ctx context.Context, err error, again func(ctx context.Context) error) error
}

// Plan is a compiled operation for certain values of the variables that @skip and @include use. It is safe for concurrent use.
type Plan struct {
	planner *Planner
	kind    ast.Operation
	root    *Set

	slots, decoded int                 // how many values that wait, and how many arguments with variables, an execution has
	selected       map[string]struct{} // names of fields
	size           int                 // in fields
	keeps          bool                // parts of an answer may be kept with the body that they show

	typical atomic.Int64 // bytes of the last answer
}

// maxTypical bounds the memory that an answer takes before it is known to need it.
const maxTypical = 64 << 10

// Kind is query, mutation or subscription.
func (p *Plan) Kind() ast.Operation { return p.kind }

// Selects says whether the operation selects a field of one of the names anywhere. If not, its data need not be read.
func (p *Plan) Selects(names ...string) bool {
	for _, name := range names {
		if _, ok := p.selected[name]; ok {
			return true
		}
	}
	return false
}

// Execute runs a query or a mutation. It appends the data to buf and returns the extended buffer; the errors are presented and
// in the order of the document.
func (p *Plan) Execute(ctx context.Context, vars map[string]any, buf []byte) ([]byte, gqlerror.List) {
	render := p.planner.roots.Query
	if p.kind == ast.Mutation {
		render = p.planner.roots.Mutation
	}
	return p.run(ctx, vars, buf, func(s *State) Result { return render(s, p.root) })
}

// RenderEvent renders one event of a subscription, as Execute does.
func (p *Plan) RenderEvent(ctx context.Context, vars map[string]any, event any, buf []byte) ([]byte, gqlerror.List) {
	return p.run(ctx, vars, buf, func(s *State) Result { return p.planner.roots.Event(s, p.root, event) })
}

func (p *Plan) run(ctx context.Context, vars map[string]any, buf []byte, render func(s *State) Result) ([]byte, gqlerror.List) {
	if buf == nil { // one allocation instead of several that double
		buf = make([]byte, 0, min(p.typical.Load()*9/8, maxTypical))
	}
	s := newState(ctx, p, vars, buf)
	defer s.release()
	if render(s) != Written {
		s.buf = append(s.buf[:len(buf)], "null"...)
	}
	if err := s.answer.Exceeded(); err != nil {
		return append(s.buf[:len(buf)], "null"...), gqlerror.List{err}
	}
	p.typical.Store(int64(len(s.buf) - len(buf)))
	return s.buf, s.errs
}

// Start starts a subscription: it calls start with the arguments of the subscription's field, a pointer to the struct that
// package generated has for them. The errors are those of the arguments, or that of start.
func (p *Plan) Start(ctx context.Context, vars map[string]any, start func(arguments any) error) gqlerror.List {
	s := newState(ctx, p, vars, nil)
	defer s.release()
	f := &p.root.fields[0]
	s.frames = append(s.frames, frame{field: f, index: -1})
	s.start(f, start)
	return s.errs
}

func (s *State) start(f *Field, start func(arguments any) error) {
	defer func() {
		if cause := recover(); cause != nil {
			s.recovered(cause)
		}
	}()
	if err := s.decode(f); err != nil {
		s.failArguments(err)
	} else if err := start(s.Arguments(f)); err != nil {
		s.fail(err)
	}
}
