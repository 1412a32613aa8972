package graph_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"studychat/graph"
)

// code is the code of the answer's first error, or "".
func code(t *testing.T, answer string) string {
	t.Helper()
	var body struct {
		Errors []struct {
			Extensions struct {
				Code         string
				Limit, Value int
			}
		}
	}
	if err := json.Unmarshal([]byte(answer), &body); err != nil {
		t.Fatal(err)
	}
	if len(body.Errors) == 0 {
		return ""
	}
	if e := body.Errors[0].Extensions; e.Code == "QUERY_TOO_COMPLEX" && (e.Limit <= 0 || e.Value <= e.Limit) {
		t.Errorf("the error does not tell the limit and the value: %s", answer)
	}
	return body.Errors[0].Extensions.Code
}

// chained is a document whose fragments each spread the next one twice: 2^n selections.
func chained(n int) string {
	var b strings.Builder
	b.WriteString("{ __typename ...F0 }\n")
	for i := range n {
		fmt.Fprintf(&b, "fragment F%d on Query { ...F%d ...F%d }\n", i, i+1, i+1)
	}
	fmt.Fprintf(&b, "fragment F%d on Query { __typename }", n)
	return b.String()
}

func TestLimits(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	aliases := func(n int, field string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, " a%d: %s", i, field)
		}
		return "{" + b.String() + " }"
	}
	const complex = "QUERY_TOO_COMPLEX"
	for _, c := range []struct {
		reason, document string
		v                vars
		code             string
	}{
		{"a sidebar with the newest messages", `{ chats { edges { node { id messages { edges { node { content } } } } } } }`, nil, ""},
		{"a hundred chats", `{ chats(first: 100) { edges { node { id lastMessage { content } viewerState { unreadCount } } } } }`, nil, ""},
		{"as many aliases as may be", aliases(100, "__typename"), nil, ""},
		{"too many aliases", aliases(101, "__typename"), nil, complex},
		{"too many fields", "{" + strings.Repeat(" __typename", 1001) + "}", nil, complex},
		{"too deep", "{ chats " + strings.Repeat("{ edges ", 30) + strings.Repeat("}", 31), nil, complex},
		{"fragments that double", chained(30), nil, complex},
		{"fragments that double a little", chained(5), nil, ""},
		{"too many fragments", chained(100), nil, complex},
		{"directives", "{ __typename" + strings.Repeat(" @include(if: true)", 101) + "}", nil, complex},
		{"a hundred chats with a hundred messages each", `{ chats(first: 100) { edges { node { messages(last: 100) { edges { node { content } } } } } } }`, nil, complex},
		{"the same through variables", `query ($n: Int) { chats(first: $n) { edges { node { messages(last: $n) { edges { node { content } } } } } } }`, vars{"n": 100}, complex},
		{"small pages through variables", `query ($n: Int) { chats(first: $n) { edges { node { messages(last: $n) { edges { node { content } } } } } } }`, vars{"n": 10}, ""},
		{"the same through a default", `query ($n: Int = 100) { chats(first: $n) { edges { node { messages(last: $n) { edges { node { content } } } } } } }`, nil, complex},
		{"the same through fragments", `{ a: chats(first: 100) { ...C } } fragment C on ChatConnection { edges { node { ...M } } } fragment M on Chat { messages(last: 100) { edges { node { content } } } }`, nil, complex},
		{"many pages under aliases", aliases(20, `chats { edges { node { messages { edges { node { content } } } } } }`), nil, complex},
		{"two roots of a subscription", `subscription { a: chatEvents { cursor } b: chatEvents { cursor } }`, nil, "GRAPHQL_VALIDATION_FAILED"},
		{"no root of a subscription", `subscription { chatEvents @skip(if: true) { cursor } }`, nil, "GRAPHQL_VALIDATION_FAILED"},
		{"a fragment within itself", `{ ...A } fragment A on Query { ...A }`, nil, "GRAPHQL_VALIDATION_FAILED"},
		{"syntax", `{ chats(`, nil, "GRAPHQL_PARSE_FAILED"},
	} {
		if got := code(t, e.ask("ann", c.document, c.v)); got != c.code {
			t.Errorf("%s: got %q, want %q", c.reason, got, c.code)
		}
	}
}

// TestLimitsComeBeforeAnythingElse: an unauthenticated client learns nothing of the schema, and nothing is parsed for it.
func TestLimitsComeBeforeAnythingElse(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	for _, document := range []string{"{ nothing }", "{ chats(", chained(30)} {
		if got := code(t, e.ask("", document, nil)); got != "UNAUTHENTICATED" {
			t.Errorf("%.20s: %q", document, got)
		}
	}
}

func TestLongNamesAreNotEchoed(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	if answer := e.ask("ann", "{ "+strings.Repeat("x", 50_000)+" }", nil); len(answer) > 2000 {
		t.Errorf("an answer of %d bytes", len(answer))
	}
}

// TestRoleInAnotherCase: through variables the value passes validation; it must not be stored as something else.
func TestRoleInAnotherCase(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	e.must("ann", addDocument, vars{"chat": chat1, "user": "tutor"})
	for _, role := range []string{"user", "Assistant", "system", "", "ROBOT"} {
		switch got := code(t, e.ask("tutor", sendDocument, vars{"chat": chat1, "content": "x", "role": role})); got {
		case "BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED":
		default:
			t.Errorf("%q: got %q", role, got)
		}
	}
}

// TestManyErrors: who makes a thousand mistakes is told of the first twenty, in either mode.
func TestManyErrors(t *testing.T) {
	t.Parallel()
	for _, introspection := range []bool{false, true} {
		exec := newExecutor(t, graph.Options{Introspection: introspection})
		for _, document := range []string{
			"{" + strings.Repeat(" chat", 100) + " }",
			"{ chats(" + strings.Repeat(" x: 1", 300) + ") { edges { cursor } } }",
			"mutation { createChat(input: {" + strings.Repeat(" titl: 1", 1200) + "}) { chat { id } } }",
		} {
			var answer struct{ Errors []any }
			if err := json.Unmarshal(execute(t, exec, document, "", nil), &answer); err != nil {
				t.Fatal(err)
			}
			if len(answer.Errors) != 20 {
				t.Errorf("%.30s…: %d errors", document, len(answer.Errors))
			}
		}
	}
}
