package main

import (
	"fmt"

	"github.com/99designs/gqlgen/codegen"
)

// alone are fields that are not worth being read at the same time as the others of their object: the viewer is known, and one
// look-up gives both the name and the picture.
var alone = map[string]bool{"Query.viewer": true, "User.avatarUrl": true}

// shared are the fields with a resolver that answers the same to everybody. A new field is not among them: that is always
// right, and costs only that events with it are rendered for each viewer.
var shared = map[string]bool{"User.name": true, "User.avatarUrl": true}

// kept are the fields with a resolver that testifies on what its value rests, so that it may be part of what is kept of a body.
// A new field is not among them: that is always right, and costs only that selections with it are rendered each time.
var kept = map[string]bool{"Chat.messages": true, "User.name": true, "User.avatarUrl": true}

// bodies are the types whose objects may be bodies of the cache.
var bodies = map[string]bool{"Chat": true, "ChatConnection": true}

// field is a field of an object type, as plan.go has it.
type field struct {
	*codegen.Field

	id int // in the table of its type
}

func (f field) name() string { return f.Object.Name + "." + f.Name }

// goName is the name of the field in the names of functions and types.
func (f field) goName() string { return upper(f.Object.Name) + upper(f.Name) }

// waits says whether getting the value may read.
func (f field) waits() bool { return !f.Object.Stream && (f.IsResolver || f.MethodHasContext) }

func (f field) gathers() bool { return f.waits() && !alone[f.name()] && f.Object.Name != "Mutation" }

// check refuses what the functions below do not know, so that no field is rendered wrongly.
func (f field) check() error {
	switch {
	case f.IsMap(), f.VOkFunc, f.HasHaser, f.Batch, f.HasDirectives():
		return fmt.Errorf("%s: plans do not know this kind of binding", f.name())
	case f.IsMethod() && !f.IsResolver && len(f.Args) > 0:
		return fmt.Errorf("%s: a method with arguments must be a resolver", f.name())
	case f.IsMethod() && !f.waits() && !f.NoErr:
		return fmt.Errorf("%s: a method that may fail must take a context", f.name())
	}
	return nil
}

// info is the field's row in the table of types.
func (f field) info() string {
	row := fmt.Sprintf("{Name: %q", f.Name)
	if f.waits() {
		row += ", Waits: true"
	}
	if f.gathers() {
		row += ", Gather: true"
	}
	if shared[f.name()] {
		row += ", Shared: true"
	}
	if kept[f.name()] {
		row += ", Kept: true"
	}
	if len(f.Args) > 0 {
		row += ", Decode: decode" + f.goName()
	}
	return row + "},"
}
