package hostile

import (
	"encoding/json"
	"strings"
)

// large are documents of megabytes: a module's content may be as long, so they reach the executor.
func large() []Document {
	const mb = 1 << 20
	create := func(text string) string {
		return `mutation { createChat(input: {title: ` + text + `}) { chat { id } } }`
	}
	chats := func(first string) string { return "{ chats(first: " + first + ") { edges { cursor } } }" }
	list := `{"input": {"title": [` + strings.Repeat("1,", mb) + `1]}}`
	keys := `{"input": {` + times(100_000, `"field number %d": 1,`) + `"title": "x"}}`
	return []Document{
		{Name: "a text of 2 MB", Query: create(`"` + strings.Repeat("x", 2*mb) + `"`), Code: BadInput},
		{Name: "a text of 2.4 MB in escapes", Query: create(`"` + strings.Repeat(`\ud83d\ude00`, 200_000) + `"`), Code: BadInput},
		{Name: "a block of 400,000 lines", Query: create(`"""` + strings.Repeat("\n  x", 400_000) + `"""`), Code: TooComplex},
		{Name: "a block of 49,000 empty lines", Query: create(`"""x` + strings.Repeat("\n", 49_000) + `x"""`), Code: BadInput},
		{Name: "a block of 49,000 long lines", Query: create(`"""` + strings.Repeat("\n                                  x", 49_000) + `"""`), Code: BadInput},
		{Name: "a text of 2 MB for a number", Query: chats(`"` + strings.Repeat("x", 2*mb) + `"`), Code: Validation},
		{Name: "a text of 2 MB without an end", Query: create(`"` + strings.Repeat("x", 2*mb)), Code: TooComplex},
		{Name: "a text of 2 MB that a fragment repeats", Query: times(90, " query Q%d { ...F }") + ` fragment F on Query { chats(first: "` + strings.Repeat("x", 2*mb) + `") { edges { cursor } } }`, Operation: "Q1", Code: TooComplex},
		{Name: "10,000 texts of 200 bytes", Query: chats("[" + strings.Repeat(`"`+strings.Repeat("x", 200)+`" `, 10_000) + "]"), Code: TooComplex},
		{Name: "100 fields with texts of 20 KB in one place", Query: "{" + strings.Repeat(` chats(after: "`+strings.Repeat("x", 20<<10)+`") { edges { cursor } }`, 95) + " }", Code: TooComplex},
		{Name: "2.5 MB of spaces", Query: strings.Repeat(" ", 5*mb/2) + "{ __typename }", Code: TooComplex},
		{Name: "2.5 MB of opening braces", Query: strings.Repeat("{a", 5*mb/4), Code: TooComplex},
		{Name: "a comment of 2.5 MB", Query: "#" + strings.Repeat("x", 5*mb/2) + "\n{ __typename }", Code: TooComplex},
		{Name: "a word of 2.5 MB", Query: "{ " + strings.Repeat("x", 5*mb/2) + " }", Code: TooComplex},
		{Name: "a number of 2.5 MB", Query: chats(strings.Repeat("9", 5*mb/2)), Code: TooComplex},
		{Name: "a text of 2.5 MB through a variable", Query: createChat, Variables: json.RawMessage(`{"input": {"title": "` + strings.Repeat("x", 5*mb/2) + `"}}`), Code: BadInput},
		{Name: "a key of 2.5 MB in a variable", Query: createChat, Variables: object(`, "` + strings.Repeat("x", 5*mb/2) + `": 1`), Code: BadInput},
		{Name: "a million numbers through a variable", Query: createChat, Variables: json.RawMessage(list), TooMuch: true, Code: BadInput},
		{Name: "100,000 fields through a variable", Query: createChat, Variables: json.RawMessage(keys), TooMuch: true, Code: BadInput},
	}
}
