package main

import (
	"fmt"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/99designs/gqlgen/codegen/config"
)

// renderers are the functions of package plan, by the function that gqlgen would write the scalar with.
var renderers = map[string]string{
	"MarshalString": "plan.String", "MarshalID": "plan.String", "MarshalInt": "plan.Int", "MarshalInt64": "plan.Int",
	"MarshalBoolean": "plan.Boolean", "MarshalDateTime": "plan.DateTime",
}

// value is the code that renders a field.
func (w *writer) value(f field) string {
	if f.Object.Stream {
		return fmt.Sprintf("event, _ := (*obj).(%s)\nreturn %s(s, f, event)", w.typeName(f.TypeReference.GO), w.renderer(f.TypeReference))
	}
	if f.waits() {
		renew := ""
		if f.Object.Name == "Mutation" {
			renew = "s.Renew()\n"
		}
		return fmt.Sprintf("%sv, got := plan.Call(s, f, obj, call%s)\nif got != plan.Written {\nreturn got\n}\n%s", renew, f.goName(), w.returned(f.TypeReference, "v"))
	}
	value := "obj." + f.GoFieldName
	if f.IsMethod() {
		value += "()"
	}
	return w.returned(f.TypeReference, value)
}

// returned is the code that renders a value of a type.
func (w *writer) returned(of *config.TypeReference, value string) string {
	if of.IsSlice() {
		null := ""
		if !of.GQL.NonNull {
			null = fmt.Sprintf("if %s == nil {\nreturn plan.Null\n}\n", value)
		}
		return fmt.Sprintf("%sreturn plan.List(s, f, %s, %s)", null, value, w.renderer(of.Elem()))
	}
	if of.IsPtr() && of.Definition.IsLeafType() {
		return fmt.Sprintf("return plan.Pointer(s, f, %s, %s)", value, w.renderer(of.Elem()))
	}
	return fmt.Sprintf("return %s(s, f, %s)", w.renderer(of), value)
}

// renderer is the function for values of a type that are there.
func (w *writer) renderer(of *config.TypeReference) string {
	def := of.Definition
	switch {
	case of.IsSlice(), of.CastType != nil, of.IsMarshaler, of.IsOmittable:
	case def.Kind == ast.Object && of.IsPtr(), def.Kind == ast.Interface && !of.IsPtr():
		w.rendered[def.Name] = true
		return "render" + upper(def.Name)
	case def.Kind == ast.Enum && of.HasEnumValues() && !of.IsPtr():
		w.noteEnum(def.Name, of)
		return "render" + upper(def.Name)
	case def.Kind == ast.Scalar && of.Marshaler != nil && !of.IsPtr():
		if name := renderers[of.Marshaler.Name()]; name != "" {
			return name
		}
	}
	w.fail(fmt.Errorf("plans cannot render %s as %s", of.GQL, w.typeName(of.GO)))
	return "nil"
}

// enum is what has to be known of an enum: its Go type, and gqlgen's map of the texts of its values.
type enum struct{ goType, texts string }

func (w *writer) noteEnum(name string, of *config.TypeReference) {
	e := w.enums[name]
	e.goType = w.typeName(of.GO)
	if of.GQL.NonNull {
		e.texts = of.MarshalFunc()
	}
	w.enums[name] = e
}

func (w *writer) enum(name string) {
	e := w.enums[name]
	if e.texts == "" {
		w.fail(fmt.Errorf("the enum %s is never non-null: gqlgen writes no map of its texts that plans could use", name))
	}
	w.line("func render%s(s *plan.State, f *plan.Field, v %s) plan.Result { return plan.String(s, f, %s[v]) }\n", upper(name), e.goType, e.texts)
}
