package graph_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"studychat/graph"
)

// probes are documents and variables that are nearly right, as somebody sends them who wants to learn of the schema.
var probes = []struct{ reason, query, variables, suggests string }{
	{"a field of the root", `{ chat_s { x } }`, "", "chats"},
	{"a field", `{ chats { edges { node { titel } } } }`, "", "title"},
	{"a field of an interface", `{ node(id: "1") { title } }`, "", "Chat"},
	{"a mutation", `mutation { creatChat(input: {}) { x } }`, "", "createChat"},
	{"a subscription", `subscription { chatEvent { x } }`, "", "chatEvents"},
	{"an argument", `{ chats(firs: 1) { edges { cursor } } }`, "", "first"},
	{"an argument of a directive", `{ __typename @skip(iff: true) }`, "", "if"},
	{"a directive", `{ __typename @skp(if: true) }`, "", ""},
	{"a type of a fragment", `{ ...F } fragment F on Chatt { id }`, "", ""},
	{"a type of an inline fragment", `{ ... on Chatt { id } }`, "", ""},
	{"a type of a variable", `query ($v: CreateChatInpu) { __typename }`, "", ""},
	{"a type that cannot be here", `{ chats { ... on Message { seq } } }`, "", ""},
	{"a fragment that cannot be here", `{ chats { ...F } } fragment F on Message { seq }`, "", ""},
	{"a scalar for a fragment", `{ ... on DateTime { x } }`, "", ""},
	{"an enum value", `mutation { sendMessage(input: {chatId: "1", content: "x", role: USE}) { __typename } }`, "", "USER"},
	{"an enum value in quotes", `mutation { sendMessage(input: {chatId: "1", content: "x", role: "USE"}) { __typename } }`, "", "USER"},
	{"a number for an enum value", `mutation { sendMessage(input: {chatId: "1", content: "x", role: 1}) { __typename } }`, "", ""},
	{"a field of an input", `mutation { createChat(input: {titel: "x"}) { __typename } }`, "", "title"},
	{"an input without its fields", `mutation { sendMessage(input: {}) { __typename } }`, "", ""},
	{"no input", `mutation { sendMessage { __typename } }`, "", ""},
	{"a text for an input", `mutation { sendMessage(input: "x") { __typename } }`, "", ""},
	{"null for an input", `mutation { sendMessage(input: null) { __typename } }`, "", ""},
	{"a list for a number", `{ chats(first: [1]) { __typename } }`, "", ""},
	{"an object for a text", `{ chats(after: {a: 1}) { __typename } }`, "", ""},
	{"no selection", `{ chats }`, "", ""},
	{"a selection in a scalar", `{ chats { edges { cursor { x } } } }`, "", ""},
	{"a required argument left out", `{ chat { __typename } }`, "", ""},
	{"fields that conflict", `{ x: chats { __typename } x: chat(id: "1") { __typename } }`, "", ""},
	{"fields of types that conflict", `{ node(id: "1") { ... on Chat { x: createdAt } ... on Message { x: seq } } }`, "", ""},
	{"a variable of another type", `query ($v: Int) { chat(id: $v) { __typename } }`, "", ""},
	{"a variable of an output type", `query ($v: Chat) { __typename }`, "", ""},
	{"an input through a variable", `mutation ($v: SendMessageInput!) { sendMessage(input: $v) { __typename } }`, `{"v": {}}`, ""},
	{"a field of an input through a variable", `mutation ($v: CreateChatInput!) { createChat(input: $v) { __typename } }`, `{"v": {"titel": "x"}}`, ""},
	{"a number for an input through a variable", `mutation ($v: CreateChatInput!) { createChat(input: $v) { __typename } }`, `{"v": 1}`, ""},
	{"an enum value through a variable", `mutation ($v: MessageRole) { sendMessage(input: {chatId: "1", content: "x", role: $v}) { __typename } }`, `{"v": "USE"}`, ""},
	{"introspection", `{ __schema { types { name } } }`, "", ""},
	{"introspection of a type", `{ __type(name: "Cha") { name } }`, "", ""},
	{"two roots of a subscription", `subscription { chatEvents { cursor } chatEvent { cursor } }`, "", "chatEvents"},
	{"an operation that is not there", `query ($v: Chat) `, "", ""},
}

var words = regexp.MustCompile(`[_A-Za-z][_0-9A-Za-z]*`)

// schemaNames are all names that are the schema's own: those of GraphQL itself are no secret.
func schemaNames() map[string]bool {
	names := map[string]bool{}
	for _, definition := range graph.Schema().Types {
		if definition.BuiltIn {
			continue
		}
		names[definition.Name] = true
		for _, value := range definition.EnumValues {
			names[value.Name] = true
		}
		for _, field := range definition.Fields {
			names[field.Name] = true
			for _, argument := range field.Arguments {
				names[argument.Name] = true
			}
		}
	}
	for _, word := range []string{"Query", "Mutation", "Subscription", "input"} {
		delete(names, word) // GraphQL's own words, which its messages use
	}
	return names
}

// TestHiddenSchema: an answer names nothing of the schema that the client did not name.
func TestHiddenSchema(t *testing.T) {
	t.Parallel()
	exec := newExecutor(t, graph.Options{})
	secret := schemaNames()
	if len(secret) < 100 {
		t.Fatalf("only %d names", len(secret))
	}
	for _, p := range probes {
		answer := execute(t, exec, p.query, "", rawVariables(p.variables))
		if code(t, string(answer)) == "" {
			t.Errorf("%s: no error", p.reason)
		}
		said := map[string]bool{}
		for _, word := range words.FindAllString(p.query+p.variables, -1) {
			said[word] = true
		}
		for _, word := range namesIn(t, answer) {
			if secret[word] && !said[word] {
				t.Errorf("%s: the answer tells of %q: %s", p.reason, word, answer)
			}
		}
		if strings.Contains(string(answer), "Did you mean") {
			t.Errorf("%s: a suggestion: %s", p.reason, answer)
		}
	}
}

// namesIn are the words of an answer's messages and paths.
func namesIn(t *testing.T, answer []byte) []string {
	t.Helper()
	var body struct {
		Errors []struct {
			Message    string
			Path       ast.Path
			Extensions map[string]any
		}
	}
	if err := json.Unmarshal(answer, &body); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range body.Errors {
		delete(e.Extensions, "code")
		extensions, _ := json.Marshal(e.Extensions)
		names = append(names, words.FindAllString(e.Message+" "+e.Path.String()+" "+string(extensions), -1)...)
	}
	return names
}

// TestShownSchema is the control: with introspection the same probes are helped.
func TestShownSchema(t *testing.T) {
	t.Parallel()
	exec := newExecutor(t, graph.Options{Introspection: true})
	for _, p := range probes {
		answer := string(execute(t, exec, p.query, "", rawVariables(p.variables)))
		if p.suggests != "" && (!strings.Contains(answer, "Did you mean") || !strings.Contains(answer, p.suggests)) {
			t.Errorf("%s: no suggestion of %s: %s", p.reason, p.suggests, answer)
		}
	}
	if answer := string(execute(t, exec, `{ __schema { types { name } } }`, "", nil)); !strings.Contains(answer, "CreateChatInput") {
		t.Errorf("no introspection: %.300s", answer)
	}
}

// TestIntrospectionOff: refused as a whole, before anything runs, with words that say why.
func TestIntrospectionOff(t *testing.T) {
	t.Parallel()
	exec := newExecutor(t, graph.Options{})
	for _, query := range []string{
		`{ __schema { queryType { name } } }`,
		`{ __type(name: "Chat") { name } }`,
		`{ __typename x: __schema { queryType { name } } }`,
		`{ ...F } fragment F on Query { ... { __type(name: "Chat") { name } } }`,
	} {
		const want = `{"errors":[{"message":"Introspection is off on this server.","extensions":{"code":"GRAPHQL_VALIDATION_FAILED","requestId":""}}],"data":null}`
		if answer := string(execute(t, exec, query, "", nil)); answer != want {
			t.Errorf("%s: %s", query, answer)
		}
	}
	if answer := string(execute(t, exec, `{ __typename }`, "", nil)); answer != `{"data":{"__typename":"Query"}}` {
		t.Errorf("__typename: %s", answer)
	}
}

func rawVariables(text string) json.RawMessage {
	if text == "" {
		return nil
	}
	return json.RawMessage(text)
}
