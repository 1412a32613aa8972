package plan

import (
	"context"

	"github.com/vektah/gqlparser/v2/ast"
)

// Type is what the generator knows of an object type.
type Type struct {
	Name   string
	Fields []FieldInfo

	// Body says that its objects may be bodies that are served again: see keep.go.
	Body bool

	number int            // in Planner.types
	ids    map[string]int // of fields, by name
}

// FieldInfo is what the generator knows of a field beside its definition in the schema.
type FieldInfo struct {
	Name string

	// Waits says that a resolver or a method with a context makes the value: it may read.
	Waits bool

	// Gather says that the value is worth being read at the same time as others of the same object.
	Gather bool

	// Shared says that the value is the same for everybody who may see the object. All fields that do not wait are shared.
	Shared bool

	// Kept says that the value of a field that waits may be part of what is kept of a body: its resolver testifies on what it rests.
	Kept bool

	// Decode reads the field's arguments; nil if there are none.
	Decode func(ctx context.Context, raw map[string]any) (any, error)
}

// Roots render the root types.
type Roots struct {
	Query, Mutation func(s *State, set *Set) Result

	// Event renders an event of a subscription's field.
	Event func(s *State, set *Set, event any) Result
}

// Root is the object of the root types.
type Root struct{}

// Planner compiles operations.
type Planner struct {
	Options

	schema *ast.Schema
	types  map[string]*Type
	roots  Roots
	host   any
}

// New makes a Planner. The order of types is that of their numbers; host is what the generated functions find in State.Host.
func New(schema *ast.Schema, types []Type, roots Roots, host any, o Options) *Planner {
	p := &Planner{Options: o, schema: schema, types: make(map[string]*Type, len(types)), roots: roots, host: host}
	for number, t := range types {
		t.number, t.ids = number, make(map[string]int, len(t.Fields))
		for id, field := range t.Fields {
			t.ids[field.Name] = id
		}
		p.types[t.Name] = &t
	}
	return p
}

// Set is the selection of an object type: its fields in the order of the answer.
type Set struct {
	fields []Field
	gather int // how many fields are worth being read at the same time

	dependent bool // a value in it may differ between two viewers who both may see the object

	bodyAlone bool     // nothing in it is read, but for what resolvers testify: see keep.go
	variables []string // that arguments in it use
	number    uint64   // of the selection of a body that may be kept; 0 for others
}

// Field is a selected field.
type Field struct {
	ID int // in FieldInfo's order

	key      string // what is written before the value: `{"alias":` or `,"alias":`
	constant string // the value, of __typename
	child    *Set   // of an object
	on       []*Set // of an interface, by the number of the object's type

	nonNull, elementNonNull bool

	alias     string
	position  *ast.Position
	arguments *arguments
	slot      int // in State.values, from 1; 0: the value does not wait
	gathers   bool
}

// Set is the selection for an object of the type with that number.
func (f *Field) Set(number int) *Set {
	if f.child != nil {
		return f.child
	}
	return f.on[number]
}
