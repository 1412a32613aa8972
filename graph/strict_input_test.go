package graph_test

import (
	"encoding/json"
	"strings"
	"testing"

	"studychat/graph"
	"studychat/test/hostile"
)

// TestStrictInput: what is not of the type that the schema says is refused, whether it stands in the document or comes
// through a variable, and the refusal says where.
func TestStrictInput(t *testing.T) {
	t.Parallel()
	exec := newExecutor(t, graph.Options{Introspection: true})
	const (
		bad     = hostile.BadInput
		invalid = hostile.Validation
		create  = `mutation ($v: CreateChatInput!) { createChat(input: $v) { chat { id } } }`
		title   = `mutation ($v: String!) { createChat(input: {title: $v}) { chat { id } } }`
		id      = `query ($v: ID!) { chat(id: $v) { id } }`
		first   = `query ($v: Int) { chats(first: $v) { edges { cursor } } }`
		role    = `mutation ($v: MessageRole) { sendMessage(input: {chatId: "` + chat1 + `", content: "x", role: $v}) { message { id } } }`
		typing  = `mutation ($v: Boolean!) { setTyping(input: {chatId: "` + chat1 + `", typing: $v}) { chatId } }`
		typed   = `mutation ($v: SetTypingInput!) { setTyping(input: $v) { chatId } }`
		read    = `mutation ($v: MarkReadInput!) { markRead(input: $v) { chat { id } } }`
	)
	chat := func(more string) string { return `{"chatId": "` + chat1 + `", ` + more + `}` }
	for _, c := range []struct{ reason, query, variable, code, field string }{
		{"a text", title, `"x"`, "", ""},
		{"a number for a text", title, `5`, bad, "v"},
		{"a fraction for a text", title, `5.5`, bad, "v"},
		{"a truth for a text", title, `true`, bad, "v"},
		{"a list for a text", title, `["x"]`, bad, "v"},
		{"null for a text", title, `null`, bad, "v"},
		{"nothing for a text", title, ``, bad, "v"},
		{"a number for a text in the document", `mutation { createChat(input: {title: 5}) { chat { id } } }`, ``, invalid, ""},
		{"a word for a text in the document", `mutation { createChat(input: {title: x}) { chat { id } } }`, ``, invalid, ""},
		{"a number for a text in an input", create, `{"title": 5}`, bad, "title"},
		{"a large number for a text in an input", create, `{"title": ` + strings.Repeat("9", 5000) + `}`, bad, "title"},
		{"a number for another text in an input", create, `{"title": "x", "moduleId": 1.5}`, bad, "moduleId"},
		{"an unknown field", create, `{"title": "x", "titel": "y"}`, bad, "titel"},
		{"a missing field", create, `{}`, bad, "title"},
		{"a missing field in the document", `mutation { createChat(input: {}) { chat { id } } }`, ``, invalid, ""},
		{"a text for an input", create, `"x"`, bad, "v"},
		{"an unknown field with a long name", create, `{"title": "x", "` + strings.Repeat("y", 10_000) + `": 1}`, bad, strings.Repeat("y", 40) + "…"},

		{"an id", id, `"` + chat1 + `"`, "NOT_FOUND", ""},
		{"a number for an id is an id, if not one of ours", id, `5`, bad, "id"},
		{"a fraction for an id", id, `1.5`, bad, "v"},
		{"an exponent for an id", id, `1e3`, bad, "v"},
		{"a truth for an id", id, `true`, bad, "v"},
		{"an object for an id", id, `{}`, bad, "v"},
		{"a truth for an id in the document", `{ chat(id: true) { id } }`, ``, invalid, ""},
		{"null for an id in the document", `{ chat(id: null) { id } }`, ``, invalid, ""},
		{"a number for the id of a user, which may be anything", `mutation ($v: ID!) { addMember(input: {chatId: "` + chat1 + `", userId: $v}) { chat { id } } }`, `7`, "NOT_FOUND", ""},

		{"a number", first, `5`, "", ""},
		{"a whole number with a fraction", first, `5.0`, "", ""},
		{"a whole number with an exponent", first, `5e0`, "", ""},
		{"a whole number with an exponent in an input", read, chat(`"seq": 1e0`), "NOT_FOUND", ""},
		{"null for a number that may be", first, `null`, "", ""},
		{"a text for a number", first, `"5"`, bad, "v"},
		{"a fraction for a number", first, `1.5`, bad, "v"},
		{"beyond 32 bits", first, `2147483648`, bad, "v"},
		{"below 32 bits", first, `-2147483649`, bad, "v"},
		{"beyond 2^53", first, `9007199254740993`, bad, "v"},
		{"beyond 64 bits", first, `9223372036854775808`, bad, "v"},
		{"far beyond", first, strings.Repeat("9", 5000), bad, "v"},
		{"beyond 32 bits in the document", `{ chats(first: 2147483648) { edges { cursor } } }`, ``, invalid, ""},
		{"beyond 64 bits in the document", `{ chats(first: 9223372036854775808) { edges { cursor } } }`, ``, invalid, ""},
		{"a text for a number in the document", `{ chats(first: "5") { edges { cursor } } }`, ``, invalid, ""},
		{"a text for a number in an input", read, chat(`"seq": "5"`), bad, "seq"},
		{"a fraction for a number in an input", read, chat(`"seq": 1.5`), bad, "seq"},
		{"beyond 32 bits in an input", read, chat(`"seq": 3000000000`), bad, "seq"},
		{"a default that is too large", `query ($v: Int = 2147483648) { chats(first: $v) { edges { cursor } } }`, ``, invalid, ""},

		{"a truth", typing, `true`, "NOT_FOUND", ""},
		{"a text for a truth", typing, `"true"`, bad, "v"},
		{"a number for a truth", typing, `1`, bad, "v"},
		{"a text for a truth in an input", typed, chat(`"typing": "true"`), bad, "typing"},
		{"a number for a truth in an input", typed, chat(`"typing": 1`), bad, "typing"},

		{"an enum value", role, `"USER"`, "NOT_FOUND", ""},
		{"an enum value that is none", role, `"ADMIN"`, bad, "v"},
		{"a long enum value that is none", role, `"` + strings.Repeat("ADMIN", 1000) + `"`, bad, "v"},
		{"an enum value in another case", role, `"user"`, bad, "v"},
		{"a number for an enum value", role, `1`, bad, "v"},
	} {
		var variables json.RawMessage
		if c.variable != "" {
			variables = json.RawMessage(`{"v": ` + c.variable + `}`)
		}
		answer := execute(t, exec, c.query, "", variables)
		if got := code(t, string(answer)); got != c.code {
			t.Errorf("%s: got %q, want %q: %.500s", c.reason, got, c.code, answer)
		}
		if got := fieldOf(t, answer); got != c.field {
			t.Errorf("%s: the field at fault is %q, want %q: %.500s", c.reason, got, c.field, answer)
		}
		if request := c.code == bad && c.field != "id" || c.code == invalid; request && !strings.HasSuffix(string(answer), `"data":null}`) {
			t.Errorf("%s: data for a request that could not run: %.500s", c.reason, answer)
		}
		if c.code != "" && len(answer) > 800 {
			t.Errorf("%s: an answer of %d bytes", c.reason, len(answer))
		}
	}
}

// fieldOf is the field that the answer's first error names, or "".
func fieldOf(t *testing.T, answer []byte) string {
	t.Helper()
	var body struct {
		Errors []struct{ Extensions struct{ Field string } }
	}
	if err := json.Unmarshal(answer, &body); err != nil {
		t.Fatal(err)
	}
	if len(body.Errors) == 0 {
		return ""
	}
	return body.Errors[0].Extensions.Field
}
