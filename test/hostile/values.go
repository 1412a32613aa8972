package hostile

import (
	"encoding/json"
	"strings"
)

const createChat = `mutation ($input: CreateChatInput!) { createChat(input: $input) { chat { id } } }`

func values() []Document {
	text := strings.Repeat("x", 100<<10)
	return []Document{
		{Name: "a text of 100 KB", Query: `mutation { createChat(input: {title: "` + text + `"}) { chat { id } } }`, Code: BadInput},
		{Name: "a block of text of 100 KB", Query: `mutation { createChat(input: {title: """` + text + `"""}) { chat { id } } }`, Code: BadInput},
		{Name: "a block of 20,000 lines", Query: `mutation { createChat(input: {title: """` + strings.Repeat("\n  x", 20000) + `"""}) { chat { id } } }`, Code: BadInput},
		{Name: "a block of escaped quotes", Query: `mutation { createChat(input: {title: """` + strings.Repeat(`\"""`, 12000) + `"""}) { chat { id } } }`, Code: BadInput},
		{Name: "a text of escapes", Query: `mutation { createChat(input: {title: "` + strings.Repeat(`\u0041`, 14000) + `"}) { chat { id } } }`, Code: BadInput},
		{Name: "a text of surrogate pairs", Query: `mutation { createChat(input: {title: "` + strings.Repeat(`\ud83d\ude00`, 7000) + `"}) { chat { id } } }`, Code: BadInput},
		{Name: "half of a surrogate pair", Query: `mutation { createChat(input: {title: "\ud83d"}) { chat { id } } }`, Code: Parse},
		{Name: "an escape beyond Unicode", Query: `mutation { createChat(input: {title: "\u{110000}"}) { chat { id } } }`, Code: Parse},
		{Name: "an escaped NUL", Query: `mutation { createChat(input: {title: "a\u0000b"}) { chat { id } } }`, Code: BadInput},
		{Name: "an escaped ESC", Query: `mutation { createChat(input: {title: "\u001b[2J"}) { chat { id } } }`, Code: BadInput},
		{Name: "a number of 100,000 digits", Query: "{ chats(first: " + strings.Repeat("9", 100000) + ") { edges { cursor } } }", Code: Validation},
		{Name: "a number beyond 64 bits", Query: "{ chats(first: 9223372036854775808) { edges { cursor } } }", Code: Validation},
		{Name: "a number beyond 32 bits", Query: "{ chats(first: 2147483648) { edges { cursor } } }", Code: Validation},
		{Name: "a fraction for a whole number", Query: "{ chats(first: 1.5) { edges { cursor } } }", Code: Validation},
		{Name: "a list of 4,000 for a number", Query: "{ chats(first: [" + strings.Repeat("1 ", 4000) + "]) { edges { cursor } } }", Code: Validation},
		{Name: "an object of 1,200 for a text", Query: "{ chats(after: {" + times(1200, " a%d: 1") + "}) { edges { cursor } } }", Code: Validation},
		{Name: "duplicate keys in an input", Query: `mutation { createChat(input: {` + times(500, ` title: "x"`) + `}) { chat { id } } }`, Code: Validation},
		{Name: "duplicate arguments", Query: "{ chats(" + strings.Repeat(" first: 1", 300) + ") { edges { cursor } } }", Code: Validation},
		{Name: "null for what is required", Query: "{ chat(id: null) { id } }", Code: Validation},
		{Name: "nothing for what is required", Query: "{ chat { id } }", Code: Validation},
		{Name: "a variable of the wrong type", Query: "query ($v: Int) { chat(id: $v) { id } }", Code: Validation},
		{Name: "a page of a million", Query: "{ chats(first: 1000000) { edges { cursor } } }", Code: BadInput},
		{Name: "a page of less than nothing", Query: "{ chats(last: -1) { edges { cursor } } }", Code: BadInput},
		{Name: "a page of a million by default", Query: "query ($n: Int = 1000000) { chats(first: $n) { edges { cursor } } }", Code: BadInput},
		{Name: "a cursor of 100 KB", Query: `{ chats(after: "` + text + `") { edges { cursor } } }`, Code: BadInput},
		{Name: "an id of 100 KB", Query: `{ chat(id: "` + text + `") { id } }`, Code: BadInput},
	}
}

// object is the JSON of {"input": {title: …}} with more in it.
func object(more string) json.RawMessage {
	return json.RawMessage(`{"input": {"title": "x"` + more + `}}`)
}

func variables() []Document {
	with := func(name, input, code string) Document {
		return Document{Name: name, Query: createChat, Variables: json.RawMessage(`{"input": ` + input + `}`), Code: code}
	}
	page := func(name, first string) Document {
		return Document{Name: name, Query: "query ($n: Int) { chats(first: $n) { edges { cursor } } }", Variables: json.RawMessage(`{"n": ` + first + `}`), Code: BadInput}
	}
	return []Document{
		with("a text of 100 KB through a variable", `{"title": "`+strings.Repeat("x", 100<<10)+`"}`, BadInput),
		with("a number for a text", `{"title": 5}`, BadInput),
		with("a truth for a text", `{"title": true}`, BadInput),
		with("a list for a text", `{"title": ["x"]}`, BadInput),
		with("an object for a text", `{"title": {"a": 1}}`, BadInput),
		with("null for a text", `{"title": null}`, BadInput),
		with("a fraction for an id", `{"title": "x", "id": 1.5}`, BadInput),
		with("a list for an input", `[`+strings.Repeat("1,", 30000)+`1]`, BadInput),
		with("a text for an input", `"`+strings.Repeat("x", 100<<10)+`"`, BadInput),
		with("nothing for an input", `null`, BadInput),
		with("an empty input", `{}`, BadInput),
		with("JSON 50 deep", nest(50, `{"a":`, "1", "}"), BadInput),
		with("lists 50 deep", nest(50, "[", "1", "]"), BadInput),
		{Name: "an unknown field of an input", Query: createChat, Variables: object(`, "titel": "x"`), Code: BadInput},
		{Name: "an unknown field of an input, 100 KB long", Query: createChat, Variables: object(`, "` + long + `": 1`), Code: BadInput},
		{Name: "7,000 unknown fields of an input", Query: createChat, Variables: object(times(7000, `, "field%d": 1`)), Code: BadInput},
		{Name: "a control character through a variable", Query: createChat, Variables: json.RawMessage(`{"input": {"title": "a\u0000b"}}`), Code: BadInput},
		page("a fraction through a variable", "1.5"),
		page("a truth for a number", "true"),
		page("a list for a number", "[1]"),
		page("an exponent", "1e400"),
		page("a variable beyond 32 bits", "2147483648"),
		page("a variable beyond 2^53", "9007199254740993"),
		page("a text for a number", `"5"`),
		page("a page of a million through a variable", "1000000"),
		page("an exponent of 100,000 digits", "1e"+strings.Repeat("9", 100_000)),
		{
			Name: "an enum value that is none", Code: BadInput,
			Query:     `mutation ($r: MessageRole) { sendMessage(input: {chatId: "1", content: "x", role: $r}) { message { id } } }`,
			Variables: json.RawMessage(`{"r": "` + strings.Repeat("ADMIN", 20000) + `"}`),
		},
		{
			Name: "a full page in a full page through variables", Code: TooComplex,
			Query:     "query ($n: Int) { chats(first: $n) { edges { node { messages(last: $n) { edges { node { content } } } } } } }",
			Variables: json.RawMessage(`{"n": 100}`),
		},
		{
			Name: "a variable that the document does not have", Code: BadInput,
			Query:     `{ chat(id: "x") { id } }`,
			Variables: json.RawMessage(`{"` + long + `": 1}`),
		},
	}
}
