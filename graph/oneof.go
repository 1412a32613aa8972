package graph

import (
	"reflect"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// checkOneOf holds @oneOf for inputs that come through variables: exactly one field, and not null. gqlparser checks
// literals alone. The schema has no such input yet; this is here so that the first one is safe.
func checkOneOf(schema *ast.Schema, definitions ast.VariableDefinitionList, variables map[string]any) *gqlerror.Error {
	for _, d := range definitions {
		if err := checkOneOfValue(schema, ast.Path{ast.PathName("variable"), ast.PathName(d.Variable)}, d.Type, reflect.ValueOf(variables[d.Variable])); err != nil {
			return err
		}
	}
	return nil
}

// checkOneOfValue sees values after gqlparser's coercion: maps and slices, which need not be of type any.
func checkOneOfValue(schema *ast.Schema, path ast.Path, typ *ast.Type, value reflect.Value) *gqlerror.Error {
	for value.Kind() == reflect.Interface || value.Kind() == reflect.Pointer {
		value = value.Elem()
	}
	switch value.Kind() {
	case reflect.Slice:
		for i := 0; typ.Elem != nil && i < value.Len(); i++ {
			if err := checkOneOfValue(schema, append(path[:len(path):len(path)], ast.PathIndex(i)), typ.Elem, value.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Map:
		definition := schema.Types[typ.Name()]
		if definition == nil || definition.Kind != ast.InputObject {
			return nil // a scalar of our own that takes objects
		}
		if definition.Directives.ForName("oneOf") != nil && !hasOne(value) {
			err := invalid("must have exactly one field, which is not null")
			err.Path = path
			return err
		}
		for _, field := range definition.Fields {
			inner := value.MapIndex(reflect.ValueOf(field.Name))
			if err := checkOneOfValue(schema, append(path[:len(path):len(path)], ast.PathName(field.Name)), field.Type, inner); err != nil {
				return err
			}
		}
	}
	return nil
}

func hasOne(object reflect.Value) bool {
	fields := object.MapRange()
	if object.Len() != 1 || !fields.Next() {
		return false
	}
	value := fields.Value()
	return value.Kind() != reflect.Interface || !value.IsNil()
}
