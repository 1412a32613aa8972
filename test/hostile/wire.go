package hostile

import "strings"

func introspection() []Document {
	off := func(name, query string) Document {
		return Document{Name: name, Query: query, Introspection: true, Code: Validation}
	}
	return []Document{
		off("introspection", "{ __schema { types { name fields { name } } } }"),
		off("introspection of one type", `{ __type(name: "Chat") { fields { name } } }`),
		off("introspection in a fragment", "{ ...F } fragment F on Query { s: __schema { queryType { name } } }"),
		off("introspection that is skipped", "{ __typename __schema @skip(if: true) { queryType { name } } }"),
		off("introspection in a mutation", "mutation { __schema { queryType { name } } }"),
		off("deep introspection", "{ __schema { types "+nest(6, "{ fields { type ", "{ name }", " } }")+" } }"),
		off("introspection in a circle", "{ __schema { types { ...T } } } fragment T on __Type { fields { type { ...T } } }"),
		off("100 introspections", "{"+times(100, " a%d: __schema { types { fields { type { fields { name } } } } }")+" }"),
		off("fragments that double in introspection", "{ __schema { types { ...F0 } } }"+chain(25, "__Type", "ofType { ...%n } ofType { ...%n }", "name")),
		{Name: "deep introspection through ofType", Query: "{ __schema { types { " + nest(100, "ofType { ", "name", " }") + " } } }", Code: TooComplex},
	}
}

func syntax() []Document {
	return []Document{
		{Name: "120 KB of spaces", Query: strings.Repeat(" ", 120<<10), Code: Validation},
		{Name: "120 KB of commas", Query: strings.Repeat(",", 120<<10), Code: Validation},
		{Name: "60,000 new lines", Query: strings.Repeat("\n", 60000), Code: TooComplex},
		{Name: "one comment of 120 KB", Query: "#" + strings.Repeat("x", 120<<10), Code: Validation},
		{Name: "40,000 comments", Query: strings.Repeat("#\n", 40000) + "{ __typename }", Code: TooComplex},
		{Name: "40,000 byte order marks", Query: strings.Repeat("\ufeff", 40000), Code: Validation},
		{Name: "50,000 numbers", Query: "{ chats(first: [" + strings.Repeat("1 ", 50000) + "]) { edges { cursor } } }", Code: TooComplex},
		{Name: "20,000 empty texts", Query: "{ chats(first: [" + strings.Repeat(`"",`, 20000) + "]) { edges { cursor } } }", Code: TooComplex},
		{Name: "10,000 texts that look like broken ones", Query: "{ chats(first: [" + strings.Repeat(`"\ufffd" `, 10000) + "]) { edges { cursor } } }", Code: TooComplex},
		{Name: "a broken text among 20,000 escapes", Query: "{ chat(id: \"\ufffd" + strings.Repeat(`\u0041`, 20000) + `\ud800") { id } }`, Code: Parse},
		{Name: "4,900 texts that look like broken ones", Query: "{ chats(first: [" + strings.Repeat(`"\ufffd" `, 4900) + "]) { edges { cursor } } }", Code: Validation},
		{Name: "a text without an end", Query: `{ chat(id: "` + strings.Repeat("x", 100<<10), Code: Parse},
		{Name: "a block without an end", Query: `{ chat(id: """` + strings.Repeat("x\n", 40<<10), Code: Parse},
		{Name: "a NUL", Query: "{ chats\x00 { edges { cursor } } }", Code: Parse},
		{Name: "a control character in a text", Query: "{ chat(id: \"\x1b\") { id } }", Code: Parse},
		{Name: "a word of 100 KB where none may be", Query: long + " { __typename }", Code: TooComplex},
		{Name: "a schema instead of a query", Query: "type Chat { id: ID }", Code: Parse},
		{Name: "two roots of a subscription", Query: "subscription { a: chatEvents { cursor } b: chatEvents { cursor } }", Code: Validation},
		{Name: "an operation that is not there", Query: "query A { __typename } query B { __typename }", Operation: "C", Code: Validation},
		{Name: "fragments alone", Query: "fragment F on Query { __typename }", Code: Validation},
	}
}

// bodies are requests whose form is the attack; most of them never reach the executor.
func bodies() []Document {
	raw := func(name, body, code string) Document { return Document{Name: name, Raw: []byte(body), Code: code} }
	malformed := func(name, body string) Document {
		return Document{Name: name, Raw: []byte(body), Malformed: true, Code: BadInput}
	}
	return []Document{
		malformed("no JSON", "{ chats { edges { cursor } } }"),
		malformed("JSON without an end", `{"query": "{ __typename }"`),
		malformed("a list", `[{"query": "{ __typename }"}]`),
		malformed("a text", `"{ __typename }"`),
		malformed("null", `null`),
		malformed("no query", `{}`),
		malformed("an empty query", `{"query": ""}`),
		malformed("a number for a query", `{"query": 1}`),
		malformed("a list for variables", `{"query": "{ __typename }", "variables": [1]}`),
		malformed("two queries in one body", `{"query": "{ __typename }", "query": "{ nothing }"}`),
		malformed("JSON 60,000 deep", strings.Repeat("[", 60000)),
		malformed("JSON variables 20,000 deep", `{"query": "{ __typename }", "variables": {"a": `+nest(20000, "[", "", "]")+`}}`),
		malformed("JSON objects 5,000 deep", `{"query": "{ __typename }", "variables": `+nest(5000, `{"a":`, "1", "}")+`}`),
		malformed("a body of 3 MB", `{"query": "`+strings.Repeat("{a", 1536<<10)+`"}`),
		raw("broken UTF-8 in the query", "{\"query\": \"{ chat(id: \\\"\xff\xfe\\\") { id } }\"}", Parse),
		raw("broken UTF-8 in a variable", "{\"query\": \""+createChat+"\", \"variables\": {\"input\": {\"title\": \"\xc0\xaf\"}}}", BadInput),
		raw("21,000 halves of surrogate pairs", `{"query": "`+strings.Repeat(`\ud800`, 21000)+`"}`, Parse),
		raw("half of a surrogate pair in a variable", `{"query": "`+createChat+`", "variables": {"input": {"title": "\ud800"}}}`, BadInput),
		raw("half of a surrogate pair in the query", `{"query": "{ chat(id: \"\ud800\") { id } }"}`, Parse),
		raw("a NUL in the query", `{"query": "{ chats\u0000 { edges { cursor } } }"}`, Parse),
	}
}
