package plan

import (
	"context"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// arguments are a field's arguments: decoded once when they hold no variable, else once in each execution.
type arguments struct {
	node   *ast.Field
	decode func(ctx context.Context, raw map[string]any) (any, error)

	fixed *decoded // nil: they hold variables, and are at slot of State.arguments
	slot  int
}

type decoded struct {
	value any
	err   error
	done  bool
}

func (c *compiler) arguments(info FieldInfo, node *ast.Field) *arguments {
	a := &arguments{node: node, decode: info.Decode, slot: c.plan.decoded}
	if !slices.ContainsFunc(node.Arguments, func(argument *ast.Argument) bool { return usesVariable(argument.Value) }) {
		a.fixed = a.tryFixed()
	}
	if a.fixed == nil {
		c.plan.decoded++
	}
	return a
}

// tryFixed returns nil when the arguments cannot be decoded at all: then each execution fails with the same panic, and
// reports it.
func (a *arguments) tryFixed() (fixed *decoded) {
	defer func() {
		if recover() != nil {
			fixed = nil
		}
	}()
	value, err := a.decode(context.Background(), a.node.ArgumentMap(nil))
	return &decoded{value, err, true}
}

func usesVariable(value *ast.Value) bool {
	return value.Kind == ast.Variable ||
		slices.ContainsFunc(value.Children, func(child *ast.ChildValue) bool { return usesVariable(child.Value) })
}

// decode makes the arguments of f ready for Arguments.
func (s *State) decode(f *Field) error {
	a := f.arguments
	switch {
	case a == nil:
		return nil
	case a.fixed != nil:
		return a.fixed.err
	}
	d := &s.arguments[a.slot]
	if !d.done {
		d.value, d.err = a.decode(context.Background(), a.node.ArgumentMap(s.vars))
		d.done = true
	}
	return d.err
}

// Arguments are those of a field in a call of its resolver: a pointer to the struct that Decode returned. It must not be
// changed: other executions read it too.
func (s *State) Arguments(f *Field) any {
	if f.arguments.fixed != nil {
		return f.arguments.fixed.value
	}
	return s.arguments[f.arguments.slot].value
}

// failArguments reports an error of Decode: its path goes on to the argument, or the input field, that is at fault.
func (s *State) failArguments(err error) {
	if own, ok := err.(*gqlerror.Error); ok { //nolint:errorlint // a wrapped one is reported as a whole
		moved := *own
		moved.Path = slices.Concat(s.path(), own.Path)
		s.present(&moved)
		return
	}
	s.present(gqlerror.WrapPath(s.path(), err))
}
