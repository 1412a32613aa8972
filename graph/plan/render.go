package plan

// Renderer renders a field of an object.
type Renderer[T any] func(s *State, f *Field, obj *T) Result

// Object renders an object, or appends what was rendered of it before.
func Object[T any](s *State, set *Set, obj *T, render Renderer[T], gather Gatherer[T]) Result {
	if set.number != 0 && !s.keeping {
		if b, ok := any(obj).(body); ok && b.Rendered() != nil {
			return s.keep(set, b.Rendered(), func() Result { return object(s, set, obj, render, gather) })
		}
	}
	return object(s, set, obj, render, gather)
}

// object renders an object. A field that fails does not keep the others from being tried: the answer tells of all errors.
func object[T any](s *State, set *Set, obj *T, render Renderer[T], gather Gatherer[T]) Result {
	if len(set.fields) == 0 {
		s.buf = append(s.buf, "{}"...)
		return Written
	}
	s.frames = append(s.frames, frame{index: -1})
	if set.gather > 1 && s.later == 0 {
		gatherAll(s, set, obj, gather)
	}
	result := Written
	for at := 0; at < len(set.fields); {
		at = renderFields(s, set, obj, render, at, &result)
	}
	s.frames = s.frames[:len(s.frames)-1]
	s.buf = append(s.buf, '}')
	return result
}

// renderFields renders the fields from at on. It stops behind a field that panicked.
func renderFields[T any](s *State, set *Set, obj *T, render Renderer[T], at int, result *Result) (next int) {
	next = at
	depth, later, start := len(s.frames), s.later, 0
	defer func() {
		if cause := recover(); cause != nil {
			s.frames, s.later = s.frames[:depth], later
			s.frames[depth-1].index = -1
			s.recovered(cause)
			s.settle(start, set.fields[next].nonNull, Failed, result)
			next++
		}
	}()
	for ; next < len(set.fields); next++ {
		f := &set.fields[next]
		s.buf = append(s.buf, f.key...)
		if f.constant != "" {
			s.buf = append(s.buf, f.constant...)
			continue
		}
		start = len(s.buf)
		s.frames[depth-1].field = f
		if got := render(s, f, obj); got != Written {
			s.settle(start, f.nonNull, got, result)
		}
	}
	return next
}

// List renders the value of a list.
func List[T any](s *State, f *Field, list []T, element func(s *State, f *Field, element T) Result) Result {
	if !s.count(TextBytes(list)) {
		return Failed
	}
	s.buf = append(s.buf, '[')
	result, depth := Written, len(s.frames)-1
	for i := range list {
		if i > 0 {
			s.buf = append(s.buf, ',')
		}
		if i == 1 {
			s.later++
		}
		s.frames[depth].index = i
		start := len(s.buf)
		if got := element(s, f, list[i]); got != Written {
			s.settle(start, f.elementNonNull, got, &result)
		}
	}
	if len(list) > 1 {
		s.later--
	}
	s.frames[depth].index = -1
	s.buf = append(s.buf, ']')
	return result
}

// Pointer renders a value that may be absent.
func Pointer[T any](s *State, f *Field, v *T, render func(s *State, f *Field, v T) Result) Result {
	if v == nil {
		return Null
	}
	return render(s, f, *v)
}

// count counts text of the answer. If it is too much, the whole answer is dropped: see Plan.run.
func (s *State) count(bytes int) bool {
	s.counted += bytes
	return bytes == 0 || s.answer.Add(bytes) == nil
}
