package plan

import (
	"encoding/binary"
	"slices"
	"sync/atomic"

	"github.com/vektah/gqlparser/v2/ast"

	"studychat/db"
)

// An answer often shows a body that earlier answers have shown: a chat or a list that the cache serves again. What was rendered of it
// is kept with the body (db.Rendered), by selection and arguments, and is appended instead of being rendered again. The resolver that
// returns the body is called each time, so permission, and whether the body is current, are judged each time.
//
// A selection is kept if it shows nothing but the body, except for what its resolvers testify (Answer.Facts): each call of a resolver
// below it must have testified. It is kept from the second execution of its plan on: a document that comes once shall not
// replace what others use.

// selections gives each Set a number of its own, so that what is kept need not refer to a plan that nothing else uses.
var selections atomic.Uint64

// body is an object that is made of a body. The result is nil when nothing of it is to be kept.
type body interface{ Rendered() *db.Rendered }

// keepable decides what follows from the schema alone, once the fields of the set are compiled.
func (c *compiler) keepable(set *Set, t *Type) {
	set.bodyAlone = c.plan.kind == ast.Query && set.gather <= 1
	for i := range set.fields {
		f := &set.fields[i]
		if f.slot > 0 && !t.Fields[f.ID].Kept {
			set.bodyAlone = false
		}
		if f.arguments != nil && f.arguments.fixed == nil {
			set.variables = append(set.variables, f.arguments.variables()...)
		}
		for _, child := range append(slices.Clone(f.on), f.child) {
			if child != nil {
				set.bodyAlone = set.bodyAlone && child.bodyAlone
				set.variables = append(set.variables, child.variables...)
			}
		}
	}
	slices.Sort(set.variables)
	set.variables = slices.Compact(set.variables)
	if set.bodyAlone && t.Body {
		set.number, c.plan.keeps = selections.Add(1), true
	}
}

func (a *arguments) variables() (names []string) {
	var collect func(value *ast.Value)
	collect = func(value *ast.Value) {
		if value.Kind == ast.Variable {
			names = append(names, value.Raw)
		}
		for _, child := range value.Children {
			collect(child.Value)
		}
	}
	for _, argument := range a.node.Arguments {
		collect(argument.Value)
	}
	return names
}

// Keeps says whether parts of the answer may be kept.
func (p *Plan) Keeps() bool { return p.keeps }

// keep appends what was rendered of the body before, or renders it.
func (s *State) keep(set *Set, rendered *db.Rendered, render func() Result) Result {
	var room [128]byte
	arguments, ok := s.appendVariables(room[:0], set.variables)
	if !ok {
		return render()
	}
	if known := rendered.Find(set.number, arguments); known != nil {
		s.buf = append(s.buf, known.Bytes...)
		if !s.count(known.Counted) {
			return Failed
		}
		return Written
	}
	if s.plan.typical.Load() == 0 {
		return render()
	}
	s.keeping = true
	defer func() { s.keeping = false }()
	start, errs, calls, counted, testified := len(s.buf), len(s.errs), s.calls, s.counted, len(s.answer.Facts())
	result := render()
	if facts := s.answer.Facts()[testified:]; result == Written && len(s.errs) == errs && len(facts) == s.calls-calls {
		rendered.Keep(&db.Rendering{
			Selection: set.number, Arguments: string(arguments), Bytes: slices.Clone(s.buf[start:]),
			Counted: s.counted - counted, Facts: distinct(facts),
		})
	}
	return result
}

// distinct leaves out those that rest on the body alone.
func distinct(facts []db.Fact) (out []db.Fact) {
	for _, fact := range facts {
		if fact != nil && !slices.Contains(out, fact) {
			out = append(out, fact)
		}
	}
	return out
}

// appendVariables appends the values so that different ones have different bytes. ok is false for objects and lists, which no selection
// of a body has as arguments.
func (s *State) appendVariables(key []byte, names []string) (_ []byte, ok bool) {
	for _, name := range names {
		value, given := s.vars[name]
		switch v := value.(type) {
		case nil:
			if key = append(key, '0'); given {
				key = append(key, 'n')
			}
		case string:
			key = append(binary.AppendUvarint(append(key, 's'), uint64(len(v))), v...)
		case int64:
			key = binary.AppendVarint(append(key, 'i'), v)
		case bool:
			if key = append(key, 'f'); v {
				key[len(key)-1] = 't'
			}
		default:
			return nil, false
		}
	}
	return key, true
}
