package limits

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"
)

var inputs = gqlparser.MustLoadSchema(&ast.Source{Input: `
	scalar DateTime
	scalar Any
	enum Colour { RED GREEN }
	type Query { find(by: By, all: [By!], deep: Deep, n: Int, ns: [Int!], nss: [[Int]], t: DateTime, any: Any, c: Colour, s: String, b: Boolean, id: ID): Int }
	input By { id: ID  name: String  other: By }
	input Deep { by: By  all: [[By]]  n: Int  must: Int!  some: Int! = 3  at: DateTime  c: Colour  ns: [Int!] }`})

// TestCoerceVariables: GraphQL (September 2025), 6.1.2 and 3.4 to 3.13. says is what the refusal says, empty for none.
func TestCoerceVariables(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typ, value, want, field, says string }{
		{"Int", `2`, `2`, "", ""},
		{"Int", `2.0`, `2`, "", ""},
		{"Int", `2e0`, `2`, "", ""},
		{"Int", `20e-1`, `2`, "", ""},
		{"Int", `0.02E+2`, `2`, "", ""},
		{"Int", `-0.0`, `0`, "", ""},
		{"Int", `0e999999999999`, `0`, "", ""},
		{"Int", `-2147483648.00`, `-2147483648`, "", ""},
		{"Int", `null`, `null`, "", ""},
		{"Int", `2.5`, "", "v", "cannot be 2.5"},
		{"Int", `2.0000000000000000000001`, "", "v", "cannot be 2.0000000000000000000001"},
		{"Int", `1e99`, "", "v", "cannot be 1e99"},
		{"Int", `1e-999999999999999999999`, "", "v", "cannot be 1e-9999"},
		{"Int", `2147483648`, "", "v", "cannot be 2147483648"},
		{"Int", strings.Repeat("9", 5000), "", "v", "cannot be 9999999999999999999999999999999999999999…"},
		{"Int", `"2"`, "", "v", `cannot be "2"`},
		{"Int", `true`, "", "v", "cannot be true"},
		{"Int", `[2]`, "", "v", "cannot be a list"},
		{"Int", `{"a": 2}`, "", "v", "cannot be an object"},
		{"Int!", `null`, "", "v", "cannot be null"},
		{"Int!", ``, "", "v", "is missing"},
		{"Int! = 5", ``, `absent`, "", ""},
		{"[Int!]", `[1, 2.0, 3e0]`, `[1,2,3]`, "", ""},
		{"[Int!]", `7.0`, `[7]`, "", ""},
		{"[[Int]]", `[[1.0], null, 2]`, `[[1],null,[2]]`, "", ""},
		{"[Int!]", `[1, null]`, "", "v", "$v[1] cannot be null"},
		{"[Int!]", `[1, "2"]`, "", "v", `$v[1] cannot be "2"`},
		{"String", `"x"`, `"x"`, "", ""},
		{"String", `5`, "", "v", "cannot be 5"},
		{"String", `{}`, "", "v", "cannot be an object"},
		{"Boolean", `false`, `false`, "", ""},
		{"Boolean", `"true"`, "", "v", `cannot be "true"`},
		{"Boolean", `0`, "", "v", "cannot be 0"},
		{"ID", `"x"`, `"x"`, "", ""},
		{"ID", `5`, `"5"`, "", ""},
		{"ID", `5.0`, "", "v", "cannot be 5.0"},
		{"ID", `1e3`, "", "v", "cannot be 1e3"},
		{"DateTime", `"2026-03-01T09:30:00Z"`, `"2026-03-01T09:30:00Z"`, "", ""},
		{"DateTime", `"yesterday"`, "", "v", `cannot be "yesterday"`},
		{"DateTime", `5`, "", "v", "cannot be 5"},
		{"Any", `{"a": [1]}`, `{"a":[1]}`, "", ""},
		{"Colour", `"RED"`, `"RED"`, "", ""},
		{"Colour", `"red"`, "", "v", `cannot be "red"`},
		{"Colour", `"BLUE"`, "", "v", `cannot be "BLUE"`},
		{"Colour", `1`, "", "v", "cannot be 1"},
		{"Deep", `{"must": 1.0, "n": null, "at": "2026-03-01T09:30:00Z", "c": "GREEN", "ns": 4e0}`, `{"at":"2026-03-01T09:30:00Z","c":"GREEN","must":1,"n":null,"ns":[4]}`, "", ""},
		{"Deep", `{"must": 1.5}`, "", "must", "$v.must cannot be 1.5"},
		{"Deep", `{"must": 1, "at": "x"}`, "", "at", `$v.at cannot be "x"`},
		{"Deep", `{"must": 1, "c": "green"}`, "", "c", `$v.c cannot be "green"`},
		{"Deep", `{"must": 1, "ns": [1, 2.5]}`, "", "ns", `$v.ns[1] cannot be 2.5`},
		{"Deep", `{"n": 1}`, "", "must", "$v.must is missing"},
		{"Deep", `{"must": 1, "some": null}`, "", "some", "$v.some cannot be null"},
		{"Deep", `{"mustt": 1}`, "", "mustt", "$v.mustt is not a field of Deep"},
		{"Deep", `{"must": 1, "__typename": "Deep"}`, "", "__typename", "is not a field"},
		{"Deep", `"x"`, "", "v", `cannot be "x". Deep is an object`},
		{"Deep", `[{"must": 1}]`, "", "v", "cannot be a list"},
		{"By", `{"id": "1"}`, `{"id":"1"}`, "", ""},
		{"[By!]", `{"name": "x"}`, `[{"name":"x"}]`, "", ""},
		{"Deep", `{"must": 1, "by": {"id": 1}, "all": [null, [{"id": "1"}]]}`, `{"all":[null,[{"id":"1"}]],"by":{"id":"1"},"must":1}`, "", ""},
	} {
		document := parse(t, "query ($v: "+c.typ+") { find }")
		given := map[string]any{"undeclared": json.Number("1")}
		if c.value != "" {
			decoder := json.NewDecoder(strings.NewReader(`{"v": ` + c.value + `}`))
			decoder.UseNumber()
			if err := decoder.Decode(&given); err != nil {
				t.Fatal(err)
			}
		}
		co := coercion{schema: inputs}
		values := co.variables(document.Operations[0].VariableDefinitions, given)
		if (co.fault != nil) != (c.says != "") {
			t.Errorf("%s %.100s: %+v", c.typ, c.value, co.fault)
			continue
		}
		if co.fault != nil {
			shown := co.fault.Present(false)
			if !strings.Contains(shown.Message, c.says) || shown.Extensions["field"] != c.field || shown.Extensions["code"] != "BAD_USER_INPUT" || len(shown.Message) > 300 {
				t.Errorf("%s %.100s: %s %v", c.typ, c.value, shown.Message, shown.Extensions)
			}
			continue
		}
		got := "absent"
		if v, ok := values["v"]; ok {
			text, _ := json.Marshal(v)
			got = string(text)
		}
		if _, kept := values["undeclared"]; got != c.want || kept {
			t.Errorf("%s %s: %s, want %s; %v", c.typ, c.value, got, c.want, values)
		}
		_ = validator.ValidateWithRules(inputs, document, Rules(true)()) // binds the variables to their types; that they are unused does not matter
		whole, err := validator.VariableValues(inputs, document.Operations[0], values)
		if err != nil {
			t.Errorf("%s %s: gqlparser refuses what we pass on: %v", c.typ, c.value, err)
		}
		if !co.rest && !reflect.DeepEqual(whole, values) {
			t.Errorf("%s %s: gqlparser would have made %#v of %#v", c.typ, c.value, whole, values)
		}
		if name := strings.TrimSuffix(c.typ, "!"); !co.rest != slices.Contains([]string{"Int", "String", "Boolean", "ID", "DateTime", "Colour"}, name) {
			t.Errorf("%s %s: something is left to gqlparser: %v", c.typ, c.value, co.rest)
		}
	}
}

// TestLiterals: what a literal may be is what a variable may be, but for numbers: 2.0 is not an Int there (GraphQL, 3.5.1).
func TestLiterals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		argument, literal string
		passes            bool
	}{
		{"n", `2`, true},
		{"n", `-2147483648`, true},
		{"n", `2147483648`, false},
		{"n", `9223372036854775808`, false},
		{"n", `2.0`, false},
		{"n", `"2"`, false},
		{"n", `{}`, false},
		{"n", `[]`, false},
		{"n", `true`, false},
		{"n", `null`, true},
		{"ns", `[1, 2147483648]`, false},
		{"ns", `2147483648`, false},
		{"ns", `[1, null]`, false},
		{"ns", `[]`, true},
		{"nss", `[[1], [2147483648]]`, false},
		{"s", `{}`, false},
		{"s", `5`, false},
		{"s", `RED`, false},
		{"b", `{}`, false},
		{"b", `"true"`, false},
		{"id", `5`, true},
		{"id", `5.0`, false},
		{"id", `{}`, false},
		{"id", `99999999999999999999`, false},
		{"c", `RED`, true},
		{"c", `red`, false},
		{"c", `"RED"`, false},
		{"c", `{}`, false},
		{"t", `"2026-03-01T09:30:00Z"`, true},
		{"t", `"yesterday"`, false},
		{"t", `"""yesterday"""`, false},
		{"t", `5`, false},
		{"t", `{}`, false},
		{"t", `[]`, false},
		{"any", `{}`, true},
		{"any", `[{a: $v}]`, true},
		{"deep", `{must: 2147483648}`, false},
		{"deep", `{must: 1, at: "yesterday"}`, false},
		{"deep", `{must: 1, n: {}}`, false},
		{"deep", `{must: $v}`, true},
		{"deep", `{}`, false},
		{"deep", `{must: 1, mustt: 1}`, false},
		{"deep", `5`, false},
	} {
		query := "query ($v: Int! = 1) { find(" + c.argument + ": " + c.literal + ") x: find(n: $v) }"
		errs := validator.ValidateWithRules(inputs, parse(t, query), Rules(false)())
		if (len(errs) == 0) != c.passes {
			t.Errorf("%s: %v", query, errs)
		}
	}
	for _, d := range []string{`$v: Int = 2147483648`, `$v: DateTime = "yesterday"`, `$v: String = {}`} {
		document := parse(t, "query ("+d+") { find(any: $v) }")
		if errs := validator.ValidateWithRules(inputs, document, Rules(true)()); !strings.Contains(fmt.Sprint(errs), "cannot represent") {
			t.Errorf("the default of %s: %v", d, errs)
		}
	}
}

// FuzzVariables: whatever is sent, there is a value that gqlparser takes, or a refusal of bounded length.
func FuzzVariables(f *testing.F) {
	for _, seed := range []string{`{"v": {"must": 1.0, "all": [[{"id": 1}]]}}`, `{"v": []}`, `{"v": {"must": 1e400}}`, `{}`, `{"v": {"by": {"other": {}}}}`} {
		f.Add([]byte(seed))
	}
	document := parse(f, "query ($v: Deep) { find(deep: $v) }")
	if errs := validator.ValidateWithRules(inputs, document, Rules(true)()); errs != nil {
		f.Fatal(errs)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var given map[string]any
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.UseNumber()
		if decoder.Decode(&given) != nil {
			return
		}
		c := coercion{schema: inputs}
		values := c.variables(document.Operations[0].VariableDefinitions, given)
		if c.fault != nil {
			for _, hidden := range []bool{true, false} {
				if shown := c.fault.Present(hidden); len(shown.Message) > 1000 && len(shown.Path) < 10 {
					t.Errorf("%q: %s", body, shown.Message)
				}
			}
			return
		}
		if _, err := validator.VariableValues(inputs, document.Operations[0], values); err != nil {
			t.Errorf("%q: gqlparser refuses %v: %v", body, values, err)
		}
	})
}
