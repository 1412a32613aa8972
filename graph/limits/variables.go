package limits

import (
	"maps"
	"slices"

	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"

	"studychat/graph/model"
)

// scalars read one value each, from a variable or from the document. Values of other scalars pass unchanged.
var scalars = map[string]func(any) (any, error){
	"Int":      func(v any) (any, error) { return model.UnmarshalInt64(v) },
	"String":   func(v any) (any, error) { return model.UnmarshalString(v) },
	"ID":       func(v any) (any, error) { return model.UnmarshalID(v) },
	"Boolean":  func(v any) (any, error) { return model.UnmarshalBoolean(v) },
	"DateTime": func(v any) (any, error) { _, err := model.UnmarshalDateTime(v); return v, err },
}

// Variables converts the variables of an operation to the types of the schema, and adds defaults. gqlparser, which does the rest,
// refuses 2.0 for an Int, but accepts texts for numbers, numbers for texts and enum values in any letter case. These then
// failed in a field: with status 200, and after other mutations of the document had run. GraphQL (6.1.2) makes each of them a
// request error.
func (l Limits) Variables(operation *ast.OperationDefinition, given map[string]any) (map[string]any, *VariableFault, error) {
	if len(operation.VariableDefinitions) == 0 {
		return nil, nil, nil
	}
	c := coercion{schema: l.schema}
	values := c.variables(operation.VariableDefinitions, given)
	if c.fault != nil {
		return nil, c.fault, nil
	}
	if !c.rest { // as in most requests: it would find the same, by reflection
		return values, nil, nil
	}
	values, err := validator.VariableValues(l.schema, operation, values)
	if err != nil {
		return nil, nil, variableError(err)
	}
	return values, nil, nil
}

func variableError(err error) error {
	out := gqlerror.WrapIfUnwrapped(err)
	errcode.Set(out, errcode.ValidationFailed)
	return out
}

// coercion is one pass over the variables of a request. It ends at the first fault.
type coercion struct {
	schema *ast.Schema
	fault  *VariableFault
	rest   bool // gqlparser has something left to do: for defaults, lists, objects, and scalars that pass unchanged
}

func (c *coercion) variables(definitions ast.VariableDefinitionList, given map[string]any) map[string]any {
	values := map[string]any{}
	for _, d := range definitions {
		if c.fault != nil {
			return nil
		}
		definition := c.schema.Types[d.Type.Name()]
		if definition == nil || !definition.IsInputType() {
			c.rest = true // validation reports it
			continue
		}
		path := ast.Path{ast.PathName("variable"), ast.PathName(d.Variable)}
		value, ok := given[d.Variable]
		switch {
		case ok:
			values[d.Variable] = c.value(path, d.Type, value)
		case d.DefaultValue != nil:
			c.rest = true
		case d.Type.NonNull:
			c.fail(path, "is missing.", "")
		}
		if c.fault != nil && d.Position != nil {
			c.fault.line, c.fault.column = d.Position.Line, d.Position.Column
		}
	}
	return values
}

func (c *coercion) fail(path ast.Path, message, hidden string) {
	if hidden == "" {
		hidden = message
	}
	if c.fault == nil {
		c.fault = &VariableFault{path: slices.Clone(path), message: message, hidden: hidden}
	}
}

// value is Input Coercion (3.4 to 3.13). A single value for a list is a list of one.
func (c *coercion) value(path ast.Path, typ *ast.Type, value any) any {
	switch list, isList := value.([]any); {
	case c.fault != nil:
		return nil
	case value == nil:
		if typ.NonNull {
			c.fail(path, "cannot be null.", "")
		}
		return nil
	case typ.Elem != nil && isList:
		c.rest = true
		out := make([]any, len(list))
		for i := range list {
			out[i] = c.value(below(path, ast.PathIndex(i)), typ.Elem, list[i])
		}
		return out
	case typ.Elem != nil:
		c.rest = true
		return []any{c.value(path, typ.Elem, value)}
	}
	definition := c.schema.Types[typ.NamedType]
	switch definition.Kind {
	case ast.InputObject:
		c.rest = true
		return c.object(path, definition, value)
	case ast.Enum:
		if text, ok := value.(string); !ok || definition.EnumValues.ForName(text) == nil {
			c.fail(path, "cannot be "+brief(value)+". "+definition.Name+" has no such value.", "cannot be "+brief(value)+". The enum has no such value.")
		}
		return value
	}
	read, ok := scalars[definition.Name]
	if !ok {
		c.rest = true
		return value
	}
	out, err := read(value)
	if err != nil {
		c.fail(path, "cannot be "+brief(value)+". "+reason(err), "")
	}
	return out
}

func (c *coercion) object(path ast.Path, definition *ast.Definition, value any) any {
	object, ok := value.(map[string]any)
	if !ok {
		c.fail(path, "cannot be "+brief(value)+". "+definition.Name+" is an object.", "cannot be "+brief(value)+". An object is expected.")
		return nil
	}
	out, known := make(map[string]any, len(definition.Fields)), 0
	for _, field := range definition.Fields {
		inner, given := object[field.Name]
		if given {
			known++
			out[field.Name] = c.value(below(path, ast.PathName(field.Name)), field.Type, inner)
		} else if field.Type.NonNull && field.DefaultValue == nil {
			c.failMissing(path, field.Name)
		}
	}
	if known < len(object) {
		c.failUnknown(path, definition, object)
	}
	return out
}

// failMissing names a field that the client did not send. A server that hides its schema does not name it.
func (c *coercion) failMissing(path ast.Path, field string) {
	if c.fault == nil {
		c.fail(below(path, ast.PathName(field)), "is missing.", "lacks a required field.")
		c.fault.missing = true
	}
}

// failUnknown names the first of the unknown fields in alphabetical order, so that the answer is the same each time. It replaces
// other faults: a misspelt field is also missing under its right name.
func (c *coercion) failUnknown(path ast.Path, definition *ast.Definition, object map[string]any) {
	unknown := maps.Clone(object)
	for _, field := range definition.Fields {
		delete(unknown, field.Name)
	}
	name := slices.Min(slices.Collect(maps.Keys(unknown)))
	c.fault = nil
	c.fail(below(path, ast.PathName(name)), "is not a field of "+definition.Name+".", "is not a field that is known here.")
}

func below(path ast.Path, step ast.PathElement) ast.Path {
	return append(path[:len(path):len(path)], step)
}
