package graph_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"studychat/graph"
	"studychat/graph/graphtest"
	"studychat/test/hostile"
)

// TestDirectives: those of GraphQL (September 2025, 3.13) and no other.
func TestDirectives(t *testing.T) {
	t.Parallel()
	var answer struct {
		Data struct {
			Schema struct{ Directives []struct{ Name string } } `json:"__schema"`
		}
	}
	raw := execute(t, newExecutor(t, graph.Options{Introspection: true}), `{ __schema { directives { name } } }`, "", nil)
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range answer.Data.Schema.Directives {
		names = append(names, d.Name)
	}
	slices.Sort(names)
	if want := []string{"deprecated", "include", "oneOf", "skip", "specifiedBy"}; !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
}

// TestDeferIsUnknown: what was deferred was null, without an error and for good.
func TestDeferIsUnknown(t *testing.T) {
	t.Parallel()
	exec := newExecutor(t, graph.Options{Introspection: true})
	for _, document := range []string{
		`{ chats { ... @defer { edges { node { id } } } } }`,
		`{ chats { ... @defer(if: false) { pageInfo { hasNextPage } } } }`,
		`{ chats { ...F @defer(label: "x") } } fragment F on ChatConnection { pageInfo { hasNextPage } }`,
		`subscription { chatEvents { cursor ... @defer { at } } }`,
	} {
		answer := string(execute(t, exec, document, "", nil))
		if !strings.Contains(answer, hostile.Validation) || !strings.Contains(answer, `@defer`) {
			t.Errorf("%s: %s", document, answer)
		}
	}
}

// TestCheckSees is the negative control of graphtest.Check, with which the harness looks at each answer.
func TestCheckSees(t *testing.T) {
	t.Parallel()
	const (
		chat  = `query ($no: Boolean = false) { c: chat(id: "x") { id ...F @include(if: $no) edges: messages { edges { node { id } } } } } fragment F on Chat { title }`
		node  = `{ node(id: "x") { __typename ... on Chat { title } ... on Message { content } } }`
		blind = `{ node(id: "x") { id ... on Chat { title } ... on Message { content } } }`
		chats = `{ chats { edges { node { id title } } } }`
	)
	for _, c := range []struct {
		reason, document, answer, says string
	}{
		{"as it should be", chat, `{"data":{"c":{"id":"1","edges":{"edges":[]}}}}`, ""},
		{"a field that may be null", chat, `{"data":{"c":null}}`, ""},
		{"with an error", chat, `{"data":{"c":null},"errors":[{"message":"x","path":["c","edges","edges",0]}]}`, ""},
		{"a request error", `{ nothing }`, `{"errors":[{"message":"x"}]}`, ""},
		{"null where none may be", chat, `{"data":{"c":{"id":"1","edges":null}}}`, "data.c.edges is null"},
		{"null, and an error that does not help", chat, `{"data":{"c":{"id":"1","edges":null}},"errors":[{"message":"x","path":["c","edges"]}]}`, "data.c.edges is null"},
		{"null in a list", chat, `{"data":{"c":{"id":"1","edges":{"edges":[null]}}}}`, "edges[0] is null"},
		{"null far below", chats, `{"data":{"chats":{"edges":[{"node":{"id":"1","title":"A"}},{"node":{"id":"2","title":null}}]}}}`, "edges[1].node.title is null"},
		{"null for all", chat, `{"data":null}`, "neither"},
		{"nothing", chat, `{}`, "neither"},
		{"an error where there is a value", chats, `{"data":{"chats":{"edges":[]}},"errors":[{"message":"x","path":["chats"]}]}`, "there is a value"},
		{"a missing field", chat, `{"data":{"c":{"edges":{"edges":[]}}}}`, "is missing"},
		{"a field under its own name", chat, `{"data":{"chat":null}}`, "was not selected"},
		{"a skipped field", chat, `{"data":{"c":{"id":"1","title":"A","edges":{"edges":[]}}}}`, "was not selected"},
		{"a number for a text", chats, `{"data":{"chats":{"edges":[{"node":{"id":"1","title":5}}]}}}`, "its type is String"},
		{"an object for a list", chats, `{"data":{"chats":{"edges":{}}}}`, "its type is [ChatEdge!]!"},
		{"a type by its name", node, `{"data":{"node":{"__typename":"Chat","title":"A"}}}`, ""},
		{"a field of another type", node, `{"data":{"node":{"__typename":"Chat","content":"A"}}}`, "was not selected"},
		{"null in a type by its name", node, `{"data":{"node":{"__typename":"Chat","title":null}}}`, "title is null"},
		{"a type that is not told", blind, `{"data":{"node":{"id":"1","content":"A"}}}`, ""},
		{"null in a type that is not told", blind, `{"data":{"node":{"id":"1","content":null}}}`, "content"},
		{"data for what is not valid", `{ nothing }`, `{"data":{"nothing":1}}`, "not valid"},
	} {
		err := graphtest.Check(graphtest.Request{Schema: graph.Schema(), Document: c.document}, []byte(c.answer))
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", c.reason, err)
		}
	}
}
