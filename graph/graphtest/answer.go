// Package graphtest is for tests only: it checks answers by GraphQL's own rules.
package graphtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// Request is the request of an answer.
type Request struct {
	Schema    *ast.Schema
	Document  string
	Operation string // operationName
	Variables map[string]any
}

// Check returns how an answer violates GraphQL (September 2025), or nil:
//
//   - data has exactly the fields that were selected (6.3), of their types, as far as JSON can tell;
//   - null only where the schema allows it, and data itself is null only with an error (6.4.4);
//   - the path of every error leads to a null (7.1.2).
//
// It does not check request errors, which have no data.
func Check(request Request, answer []byte) error {
	var got struct {
		Data   json.RawMessage
		Errors []struct {
			Message string
			Path    []any
		}
	}
	if err := decode(answer, &got); err != nil {
		return fmt.Errorf("the answer is not JSON: %w", err)
	}
	if len(got.Data) == 0 || string(got.Data) == "null" {
		if len(got.Errors) == 0 {
			return errors.New("neither data nor errors")
		}
		return nil
	}
	document, errs := gqlparser.LoadQueryWithRules(request.Schema, request.Document, nil)
	if len(errs) > 0 {
		return fmt.Errorf("data for a document that is not valid: %w", errs)
	}
	operation := document.Operations.ForName(request.Operation)
	if operation == nil {
		return errors.New("data for an operation that is not there")
	}
	var data any
	if err := decode(got.Data, &data); err != nil {
		return err
	}
	c := checker{request}
	if err := c.object("data", c.root(operation), []ast.SelectionSet{operation.SelectionSet}, data); err != nil {
		return err
	}
	for _, e := range got.Errors {
		if !leadsToNull(data, e.Path) {
			return fmt.Errorf("the error %q is at %v, where there is a value", e.Message, e.Path)
		}
	}
	return nil
}

func decode(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return d.Decode(into)
}

// leadsToNull follows a path until it meets null. An error without a path belongs to no field.
func leadsToNull(value any, path []any) bool {
	if len(path) == 0 {
		return true
	}
	for _, step := range path {
		switch at := value.(type) {
		case map[string]any:
			name, _ := step.(string)
			value = at[name]
		case []any:
			number, _ := step.(json.Number)
			index, err := number.Int64()
			if err != nil || index < 0 || index >= int64(len(at)) {
				return false
			}
			value = at[index]
		default:
			return value == nil
		}
	}
	return value == nil
}

type checker struct{ Request }

func (c checker) root(operation *ast.OperationDefinition) *ast.Definition {
	switch operation.Operation {
	case ast.Mutation:
		return c.Schema.Mutation
	case ast.Subscription:
		return c.Schema.Subscription
	}
	return c.Schema.Query
}

// value checks one value; sets are the selections that apply to it if it is an object.
func (c checker) value(at string, typ *ast.Type, sets []ast.SelectionSet, value any) error {
	if value == nil {
		if typ.NonNull {
			return fmt.Errorf("%s is null, but its type is %s", at, typ)
		}
		return nil
	}
	if typ.Elem != nil {
		list, ok := value.([]any)
		if !ok {
			return fmt.Errorf("%s is %T, but its type is %s", at, value, typ)
		}
		for i, element := range list {
			if err := c.value(fmt.Sprintf("%s[%d]", at, i), typ.Elem, sets, element); err != nil {
				return err
			}
		}
		return nil
	}
	definition := c.Schema.Types[typ.NamedType]
	if definition.IsLeafType() {
		return leaf(at, definition, value)
	}
	return c.composite(at, definition, sets, value)
}

func leaf(at string, definition *ast.Definition, value any) error {
	ok := true
	switch text, isText := value.(string); {
	case definition.Kind == ast.Enum:
		ok = isText && definition.EnumValues.ForName(text) != nil
	case definition.Name == "Int", definition.Name == "Float":
		_, ok = value.(json.Number)
	case definition.Name == "Boolean":
		_, ok = value.(bool)
	case definition.Name == "String", definition.Name == "ID":
		ok = isText
	}
	if !ok {
		return fmt.Errorf("%s is %v, but its type is %s", at, value, definition.Name)
	}
	return nil
}

// composite checks an object. Without __typename its type is unknown: it must then fit one of the possible types.
func (c checker) composite(at string, definition *ast.Definition, sets []ast.SelectionSet, value any) error {
	var firstErr error
	for _, possible := range c.Schema.GetPossibleTypes(definition) {
		err := c.object(at, possible, sets, value)
		if err == nil {
			return nil
		}
		if firstErr == nil || c.named(possible, sets, value) {
			firstErr = err
		}
	}
	return firstErr
}

// named says whether the object's __typename is this type.
func (c checker) named(definition *ast.Definition, sets []ast.SelectionSet, value any) bool {
	object, _ := value.(map[string]any)
	for key, fields := range c.collect(definition, sets) {
		if fields[0].Name == "__typename" && object[key] == definition.Name {
			return true
		}
	}
	return false
}

func (c checker) object(at string, definition *ast.Definition, sets []ast.SelectionSet, value any) error {
	object, ok := value.(map[string]any)
	if !ok {
		return fmt.Errorf("%s is %T, but its type is %s", at, value, definition.Name)
	}
	selected := c.collect(definition, sets)
	for key := range object {
		if selected[key] == nil {
			return fmt.Errorf("%s.%s was not selected", at, key)
		}
	}
	for key, fields := range selected {
		answered, given := object[key]
		if !given {
			return fmt.Errorf("%s.%s was selected, and is missing", at, key)
		}
		if fields[0].Name == "__typename" {
			if answered != definition.Name {
				return fmt.Errorf("%s is a %v, not a %s", at, answered, definition.Name)
			}
			continue
		}
		var inner []ast.SelectionSet
		for _, f := range fields {
			inner = append(inner, f.SelectionSet)
		}
		if err := c.value(at+"."+key, fields[0].Definition.Type, inner, answered); err != nil {
			return err
		}
	}
	return nil
}

// collect is CollectFields (6.3.2): the fields that were selected for an object, by the names under which they are answered.
func (c checker) collect(definition *ast.Definition, sets []ast.SelectionSet) map[string][]*ast.Field {
	fields := map[string][]*ast.Field{}
	var walk func(ast.SelectionSet)
	walk = func(set ast.SelectionSet) {
		for _, selection := range set {
			switch s := selection.(type) {
			case *ast.Field:
				if c.included(s.Directives) {
					fields[s.Alias] = append(fields[s.Alias], s)
				}
			case *ast.InlineFragment:
				if c.included(s.Directives) && c.applies(s.TypeCondition, definition) {
					walk(s.SelectionSet)
				}
			case *ast.FragmentSpread:
				if c.included(s.Directives) && c.applies(s.Definition.TypeCondition, definition) {
					walk(s.Definition.SelectionSet)
				}
			}
		}
	}
	for _, set := range sets {
		walk(set)
	}
	return fields
}

func (c checker) applies(condition string, definition *ast.Definition) bool {
	return condition == "" || condition == definition.Name || slices.Contains(definition.Interfaces, condition) ||
		slices.Contains(c.Schema.PossibleTypes[condition], definition)
}

// included obeys @skip and @include.
func (c checker) included(directives ast.DirectiveList) bool {
	for _, d := range directives {
		argument := d.Arguments.ForName("if")
		if argument == nil {
			continue
		}
		yes, _ := argument.Value.Value(c.Variables)
		if d.Name == "skip" && yes == true || d.Name == "include" && yes != true {
			return false
		}
	}
	return true
}
