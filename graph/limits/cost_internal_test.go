package limits

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"

	"studychat/graph/generated"
)

func schemaOfOurs() *ast.Schema {
	return generated.NewExecutableSchema(generated.Config{}).Schema()
}

func costText(t *testing.T, query string, variables map[string]any) int {
	t.Helper()
	document := parse(t, query)
	if errs := validator.ValidateWithRules(schemaOfOurs(), document, nil); errs != nil {
		t.Fatal(errs)
	}
	op := document.Operations[0]
	coerced, err := validator.VariableValues(schemaOfOurs(), op, variables)
	if err != nil {
		t.Fatal(err)
	}
	return CostOf(op).Of(coerced)
}

func TestCost(t *testing.T) {
	t.Parallel()
	type m = map[string]any
	for _, c := range []struct {
		reason, query string
		variables     m
		want          int
	}{
		{"a field of the root", `{ chat(id: "1") { id title } }`, nil, 1000 + 2},
		{"a usual page", `{ chats { edges { cursor } } }`, nil, 1000 + 20*2},
		{"a page of 3", `{ chats(first: 3) { edges { cursor } } }`, nil, 1000 + 3*2},
		{"a page from the end", `{ chats(last: 3) { edges { cursor } } }`, nil, 1000 + 3*2},
		{"an empty page", `{ chats(first: 0) { edges { cursor } pageInfo { endCursor } } }`, nil, 1000 + 2},
		{"less than nothing, which the field refuses", `{ chats(first: -5) { edges { cursor } } }`, nil, 1000},
		{"more than may be, which the field refuses", `{ chats(first: 1000000) { edges { cursor } } }`, nil, 1000 + 100*2},
		{"through a variable", `query ($n: Int) { chats(first: $n) { edges { cursor } } }`, m{"n": 3}, 1000 + 3*2},
		{"through a variable that is null", `query ($n: Int) { chats(first: $n) { edges { cursor } } }`, m{"n": nil}, 1000 + 20*2},
		{"through a variable that is not there", `query ($n: Int) { chats(first: $n) { edges { cursor } } }`, nil, 1000 + 20*2},
		{"through a default", `query ($n: Int = 3) { chats(first: $n) { edges { cursor } } }`, nil, 1000 + 3*2},
		{"what stands beside the edges counts once", `{ chats(first: 10) { pageInfo { endCursor } } }`, nil, 1000 + 2},
		{"edges twice", `{ chats(first: 3) { edges { cursor } more: edges { cursor } } }`, nil, 1000 + 3*2 + 3*2},
		{"pages in pages", `{ chats(first: 3) { edges { node { messages(last: 5) { edges { node { content } } } } } } }`, nil, 1000 + 3*(2+50+5*(2+20))},
		{"a list without pages", `{ chat(id: "1") { members { role } online { id } } }`, nil, 1000 + 10*2 + 10*51},
		{"content twice by one name is one text", `{ chat(id: "1") { lastMessage { content content ...F } } } fragment F on Message { content }`, nil, 1000 + 1 + 3*20},
		{"content by further names", `{ chat(id: "1") { lastMessage { content a: content b: content } } }`, nil, 1000 + 1 + 20 + 2*400},
		{"content by further names in fragments", `{ chat(id: "1") { lastMessage { a: content ...F ... on Message { c: content } } } } fragment F on Message { content }`, nil, 1000 + 1 + 20 + 2*400},
		{"content by other names of other messages", `{ chat(id: "1") { a: lastMessage { content } b: lastMessage { text: content } } }`, nil, 1000 + 2*(1+20)},
		{"fragments", `{ chat(id: "1") { ...F ... on Chat { id } } } fragment F on Chat { title }`, nil, 1000 + 2},
		{"mutations", `mutation { a: clearChats { deletedChatIds } b: clearChats { __typename } }`, nil, 1000 + 10 + 1000 + 1},
		{"skipped counts", `{ chat(id: "1") { id @skip(if: true) } }`, nil, 1000 + 1},
		{"an event", `subscription { chatEvents { ... on ChatCreated { chat { id } } } }`, nil, 1000 + 200 + 1},
	} {
		if got := costText(t, c.query, c.variables); got != c.want {
			t.Errorf("%s: got %d, want %d", c.reason, got, c.want)
		}
	}
}

// TestCostOfRealClients: the largest query that a front end has reason to send fits, and GraphiQL's introspection.
func TestCostOfRealClients(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"apollo_sidebar", "urql_sidebar", "introspection_graphiql"} {
		query, err := os.ReadFile("../testdata/documents/" + name + ".graphql")
		if err != nil {
			t.Fatal(err)
		}
		got := costText(t, string(query), nil)
		t.Logf("%s costs %d", name, got)
		if got > MaxCost*9/10 || got < MaxCost/4 {
			t.Errorf("%s costs %d, of %d", name, got, MaxCost)
		}
	}
}

// TestCostTables: every name in the tables is a field of the schema, and every field that takes more than reading a
// struct has a cost.
func TestCostTables(t *testing.T) {
	t.Parallel()
	schema := schemaOfOurs()
	for _, table := range []map[string]int{fieldCost, usualPage, listSize} {
		for name := range table {
			typ, field, _ := strings.Cut(name, ".")
			if definition := schema.Types[typ]; definition == nil || definition.Fields.ForName(field) == nil {
				t.Errorf("%s is not in the schema", name)
			}
		}
	}
	for typ, resolver := range map[string]reflect.Type{
		"Query": reflect.TypeFor[generated.QueryResolver](), "Subscription": reflect.TypeFor[generated.SubscriptionResolver](),
		"Chat": reflect.TypeFor[generated.ChatResolver](), "ChatConnection": reflect.TypeFor[generated.ChatConnectionResolver](),
		"Member": reflect.TypeFor[generated.MemberResolver](), "Message": reflect.TypeFor[generated.MessageResolver](),
		"Module": reflect.TypeFor[generated.ModuleResolver](), "User": reflect.TypeFor[generated.UserResolver](),
		"SendMessagePayload": reflect.TypeFor[generated.SendMessagePayloadResolver](),
	} {
		for _, field := range schema.Types[typ].Fields {
			_, resolved := resolver.MethodByName(strings.ToUpper(field.Name[:1]) + field.Name[1:])
			if name := typ + "." + field.Name; resolved && fieldCost[name] == 0 {
				t.Errorf("%s is resolved and costs as much as a plain field", name)
			}
		}
	}
	if resolvers := reflect.TypeFor[generated.ResolverRoot]().NumMethod(); resolvers != 10 {
		t.Errorf("%d types with resolvers: this test knows 10", resolvers)
	}
	for _, event := range schema.GetPossibleTypes(schema.Types["ChatEvent"]) {
		for _, field := range []string{"chat", "chatEdge"} {
			if name := event.Name + "." + field; event.Fields.ForName(field) != nil && fieldCost[name] == 0 {
				t.Errorf("%s is read for each event and costs as much as a plain field", name)
			}
		}
	}
	for name, definition := range schema.Types {
		for _, field := range definition.Fields {
			if field.Arguments.ForName("first") != nil && usualPage[name+"."+field.Name] == 0 {
				t.Errorf("%s.%s has pages, of which size?", name, field.Name)
			}
		}
	}
}

// TestSizesOfIntrospection: the lists of introspection are no longer than the table says, on average.
func TestSizesOfIntrospection(t *testing.T) {
	t.Parallel()
	schema := schemaOfOurs()
	total := map[string]int{}
	fields := 0
	for _, definition := range schema.Types {
		total["__Schema.types"]++
		switch definition.Kind {
		case ast.Object, ast.Interface:
			total["__Type.fields"] += len(definition.Fields)
			fields += len(definition.Fields)
		case ast.InputObject:
			total["__Type.inputFields"] += len(definition.Fields)
		}
		for _, field := range definition.Fields {
			total["__Field.args"] += len(field.Arguments)
		}
		total["__Type.interfaces"] += len(definition.Interfaces)
		total["__Type.enumValues"] += len(definition.EnumValues)
		if definition.IsAbstractType() {
			total["__Type.possibleTypes"] += len(schema.GetPossibleTypes(definition))
		}
	}
	per := map[string]int{"__Schema.types": 1, "__Field.args": fields}
	for name, n := range total {
		among := per[name]
		if among == 0 {
			among = len(schema.Types)
		}
		if n > listSize[name]*among {
			t.Errorf("%s: %d among %d, so more than %d", name, n, among, listSize[name])
		}
	}
}
