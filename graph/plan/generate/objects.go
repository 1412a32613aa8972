package main

import (
	"go/types"
	"strings"

	"github.com/99designs/gqlgen/codegen"
)

// planner writes NewPlanner, and what its functions find their resolvers in.
func (w *writer) planner() {
	w.line("// NewPlanner makes a planner whose plans call these resolvers.")
	w.line("func NewPlanner(r ResolverRoot, o plan.Options) *plan.Planner {")
	w.line("schema := NewExecutableSchema(Config{}).Schema()")
	w.line("return plan.New(schema, planTypes(), plan.Roots{Query: rootQuery, Mutation: rootMutation, Event: rootEvent}, &planResolvers{")
	for _, o := range w.objects() {
		if o.HasResolvers() {
			w.line("%s: r.%[1]s(),", upper(o.Name))
		}
	}
	w.line("}, o)\n}\n")
	w.line("// planResolvers are the resolvers of one planner.\ntype planResolvers struct {")
	for _, o := range w.objects() {
		if o.HasResolvers() {
			w.line("%s %[1]sResolver", upper(o.Name))
		}
	}
	w.line("}\n")
	w.line("func resolversOf(s *plan.State) *planResolvers { r, _ := s.Host.(*planResolvers); return r }\n")
	w.line("func rootQuery(s *plan.State, set *plan.Set) plan.Result { return plan.Object(s, set, &plan.Root{}, fieldQuery, gatherQuery) }\n")
	w.line("func rootMutation(s *plan.State, set *plan.Set) plan.Result { return plan.Object(s, set, &plan.Root{}, fieldMutation, nil) }\n")
	w.line("func rootEvent(s *plan.State, set *plan.Set, event any) plan.Result { return plan.Object(s, set, &event, fieldSubscription, nil) }\n")
}

// types writes the table of the object types.
func (w *writer) types() {
	w.line("func planTypes() []plan.Type { return []plan.Type{")
	for _, o := range w.objects() {
		body := ""
		if bodies[o.Name] {
			body = "Body: true, "
		}
		w.line("{Name: %q, %sFields: []plan.FieldInfo{", o.Name, body)
		for _, f := range fieldsOf(o) {
			w.line("%s", f.info())
		}
		w.line("}},")
	}
	w.line("}}\n")
}

// object writes the functions of an object type.
func (w *writer) object(o *codegen.Object) {
	obj := w.objectType(o)
	gathers := 0
	w.line("func field%s(s *plan.State, f *plan.Field, obj *%s) plan.Result {\nswitch f.ID {", upper(o.Name), obj)
	for _, f := range fieldsOf(o) {
		if err := f.check(); err != nil {
			w.fail(err)
		}
		w.line("case %d: // %s\n%s", f.id, f.Name, w.value(f))
		if f.gathers() {
			gathers++
		}
	}
	w.line("}\npanic(\"unknown field of %s\")\n}\n", o.Name)
	gather := "nil"
	if gathers > 0 {
		gather = "gather" + upper(o.Name)
		w.gather(o, obj)
	}
	if !o.Root {
		w.line("func render%s(s *plan.State, f *plan.Field, obj *%s) plan.Result {\nif obj == nil {\nreturn plan.Null\n}", upper(o.Name), obj)
		w.line("return plan.Object(s, f.Set(%d), obj, field%s, %s)\n}\n", w.numbers[o.Name], upper(o.Name), gather)
	}
	for _, f := range fieldsOf(o) {
		w.arguments(f)
		w.call(f, obj)
	}
}

// objectType is the Go type that the object's functions take a pointer to.
func (w *writer) objectType(o *codegen.Object) string {
	switch {
	case o.Stream:
		return "any"
	case o.Root:
		return "plan.Root"
	}
	return strings.TrimPrefix(w.typeName(o.Reference()), "*")
}

func (w *writer) gather(o *codegen.Object, obj string) {
	w.line("func gather%s(s *plan.State, f *plan.Field, obj *%s) {\nswitch f.ID {", upper(o.Name), obj)
	for _, f := range fieldsOf(o) {
		if f.gathers() {
			w.line("case %d:\nplan.Gather(s, f, obj, call%s)", f.id, f.goName())
		}
	}
	w.line("}\n}\n")
}

// arguments writes the struct of a field's arguments, and how it is decoded: by the function that gqlgen writes.
func (w *writer) arguments(f field) {
	if len(f.Args) == 0 {
		return
	}
	w.line("// %sArgs are the arguments of %s.\ntype %[1]sArgs struct {", f.goName(), f.name())
	for _, arg := range f.Args {
		w.line("%s %s", upper(arg.Name), w.typeName(arg.TypeReference.GO))
	}
	w.line("}\n")
	w.line("func decode%s(ctx context.Context, raw map[string]any) (any, error) {", f.goName())
	w.line("args, err := new(executionContext).%s(ctx, raw)\nif err != nil {\nreturn nil, err\n}\nout := new(%sArgs)", f.ArgsFunc(), f.goName())
	for _, arg := range f.Args {
		w.line("out.%s, _ = args[%q].(%s)", upper(arg.Name), arg.Name, w.typeName(arg.TypeReference.GO))
	}
	w.line("return out, nil\n}\n")
}

// call writes the call of a field's resolver, or of its method.
func (w *writer) call(f field, obj string) {
	if !f.waits() {
		return
	}
	w.line("func call%s(ctx context.Context, s *plan.State, f *plan.Field, obj *%s) (%s, error) {", f.goName(), obj, w.typeName(f.TypeReference.GO))
	args := []string{"ctx"}
	if f.IsResolver && !f.Object.Root {
		args = append(args, "obj")
	}
	if len(f.Args) > 0 {
		w.line("args, _ := s.Arguments(f).(*%sArgs)", f.goName())
	}
	for _, arg := range f.Args {
		args = append(args, "args."+upper(arg.Name))
	}
	on, none := "obj", ""
	if f.IsResolver {
		on = "resolversOf(s)." + upper(f.Object.Name)
	} else if f.NoErr {
		none = ", nil"
	}
	w.line("return %s.%s(%s)%s\n}\n", on, f.GoFieldName, strings.Join(args, ", "), none)
}

// abstract writes the function of an interface: it finds the type of an object.
func (w *writer) abstract(i *codegen.Interface) {
	w.line("func render%s(s *plan.State, f *plan.Field, obj %s) plan.Result {\nswitch obj := obj.(type) {\ncase nil:\nreturn plan.Null", upper(i.Name), w.typeName(i.Type))
	for _, of := range i.Implementors {
		if w.numbers[of.Name] == 0 && of.Kind != "OBJECT" {
			continue
		}
		take := ""
		if _, pointer := of.Type.(*types.Pointer); !pointer {
			take = "&"
		}
		w.line("case %s:\nreturn render%s(s, f, %sobj)", w.typeName(of.Type), upper(of.Name), take)
	}
	w.line("}\npanic(\"an object of an unknown type for %s\")\n}\n", i.Name)
}
