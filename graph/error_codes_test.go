package graph_test

import (
	"slices"
	"testing"

	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"

	"studychat/db"
	"studychat/graph"
	"studychat/test/hostile"
)

// TestErrorCodes: generated code switches on the enum, so it has the codes that are answered and no others.
func TestErrorCodes(t *testing.T) {
	t.Parallel()
	want := []string{hostile.TooComplex, notFound, errcode.ParseFailed, errcode.ValidationFailed}
	for _, code := range []db.Code{
		db.CodeUnauthenticated, db.CodeForbidden, db.CodeNotFound, db.CodeBadUserInput, db.CodeConflict,
		db.CodeRateLimited, db.CodeUnavailable, db.CodeInternal,
	} {
		want = append(want, string(code))
	}
	var got []string
	for _, value := range graph.Schema().Types["ErrorCode"].EnumValues {
		got = append(got, value.Name)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the schema has %v, want %v", got, want)
	}
}

// TestEventsFitIntoOneDocument: a client may ask for every plain field of every event at once, so no two fields of the same
// name have types that conflict (GraphQL 5.3.2).
func TestEventsFitIntoOneDocument(t *testing.T) {
	t.Parallel()
	schema := graph.Schema()
	types := map[string]string{}
	for _, event := range schema.GetPossibleTypes(schema.Types["ChatEvent"]) {
		if event.Kind != ast.Object {
			continue
		}
		for _, field := range event.Fields {
			if before, ok := types[field.Name]; ok && before != field.Type.String() {
				t.Errorf("%s.%s is %s, elsewhere %s", event.Name, field.Name, field.Type, before)
			}
			types[field.Name] = field.Type.String()
		}
	}
	if len(types) < 15 {
		t.Errorf("only %d fields: the search is wrong", len(types))
	}
}
