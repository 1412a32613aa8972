package plan

import (
	"context"
	"sync"
)

// Gatherer calls Gather for a field of an object.
type Gatherer[T any] func(s *State, f *Field, obj *T)

// value is what Gather has got of a field.
type value struct {
	value    any
	err      error
	ready    bool
	panicked bool
}

func (v *value) take() value {
	taken := *v
	*v = value{}
	return taken
}

// gatherAll gets the values of an object that wait, at the same time: one after the other, an answer would take as long as all
// its reads together. It is done for the first object of a list: its look-ups serve the whole list.
func gatherAll[T any](s *State, set *Set, obj *T, gather Gatherer[T]) {
	var reads sync.WaitGroup
	var own *Field // this goroutine takes one too
	for i := range set.fields {
		f := &set.fields[i]
		if !f.gathers || !s.canDecode(f) {
			continue
		}
		if other := own; other != nil {
			reads.Go(func() { gatherOne(s, other, obj, gather) })
		}
		own = f
	}
	if own != nil {
		gatherOne(s, own, obj, gather)
	}
	reads.Wait()
}

// canDecode is false for arguments that are wrong. Call will say so in its turn.
func (s *State) canDecode(f *Field) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	return s.decode(f) == nil
}

func gatherOne[T any](s *State, f *Field, obj *T, gather Gatherer[T]) {
	defer func() {
		if cause := recover(); cause != nil {
			s.values[f.slot-1] = value{err: s.plan.planner.Recover(s.Context, cause), ready: true, panicked: true}
		}
	}()
	gather(s, f, obj)
}

// Gather gets the value of a field for the Call that follows.
func Gather[O, V any](s *State, f *Field, obj O, call func(ctx context.Context, s *State, f *Field, obj O) (V, error)) {
	got, err := call(s.Context, s, f, obj)
	s.values[f.slot-1] = value{value: got, err: err, ready: true}
}
