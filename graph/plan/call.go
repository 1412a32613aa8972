package plan

import (
	"context"

	"github.com/vektah/gqlparser/v2/ast"
)

// Call returns the value of a field that waits: what was gathered, or what call returns. The value holds only if the result is
// Written; it may be nil all the same.
func Call[O, V any](s *State, f *Field, obj O, call func(ctx context.Context, s *State, f *Field, obj O) (V, error)) (V, Result) {
	var none V
	if err := s.decode(f); err != nil {
		s.failArguments(err)
		return none, Failed
	}
	s.calls++
	gathered := &s.values[f.slot-1]
	if gathered.panicked {
		s.failPanic(gathered.take().err)
		return none, Failed
	}
	var got V
	var err error
	if gathered.ready {
		result := gathered.take()
		got, _ = result.value.(V)
		err = result.err
	} else {
		got, err = call(s.Context, s, f, obj)
	}
	if err != nil && s.plan.kind == ast.Subscription {
		got, err = await(s, f, obj, call, err)
	}
	if err != nil {
		s.fail(err)
		return none, Failed
	}
	return got, Written
}

func await[O, V any](s *State, f *Field, obj O, call func(ctx context.Context, s *State, f *Field, obj O) (V, error), failed error) (got V, err error) {
	err = s.plan.planner.Await(s.Context, failed, func(ctx context.Context) (err error) {
		got, err = call(ctx, s, f, obj)
		return err
	})
	return got, err
}
