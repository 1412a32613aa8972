package hostile

import (
	"fmt"
	"strings"
)

// times is text once for each number below n; each %d in it is that number.
func times(n int, text string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(text, "%d", fmt.Sprint(i)))
	}
	return b.String()
}

// nest is open n times, then core, then closing n times.
func nest(n int, open, core, closing string) string {
	return strings.Repeat(open, n) + core + strings.Repeat(closing, n)
}

// RepeatedFields is 40 KB of one field: validation compares every pair. Tests show with it what the limits save.
func RepeatedFields() string { return "{ chats { " + strings.Repeat("edges { cursor } ", 2400) + "} }" }

func repetition() []Document {
	return []Document{
		{Name: "40 KB of repeated fields", Query: RepeatedFields(), Code: TooComplex},
		{Name: "a thousand repeated leaves", Query: "{" + times(999, " __typename") + " }", Code: TooComplex},
		{Name: "repeated objects within repeated objects", Query: "{" + times(30, " chats {"+times(30, " edges { cursor }")+" }") + " }", Code: TooComplex},
		{Name: "the same field in many fragments", Query: "{" + times(90, " ...F%d") + " }" + times(90, " fragment F%d on Query { chats { edges { cursor node { id title createdBy } } } }"), Code: TooComplex},
		{Name: "repeated fields in nested inline fragments", Query: "{" + nest(18, " ... {"+times(30, " __typename"), "", " }") + " }", Code: TooComplex},
		{Name: "repeated fields with long lists of arguments", Query: "{" + times(6, " chats("+times(200, " a%d: 1")+") { edges { cursor } }") + " }", Code: TooComplex},
		{Name: "repeated fields with objects as arguments", Query: "{" + times(12, " chats(first: {"+times(100, " k%d: 1")+"}) { edges { cursor } }") + " }", Code: Validation},
		{Name: "98 repeated fields with objects as arguments", Query: "{" + times(98, " chat(id: {"+times(14, " k%d:1")+"})") + " }", Code: Validation},
		{Name: "10,000 aliases", Query: "{" + times(10000, " a%d:id") + " }", Code: TooComplex},
		{Name: "1,600 aliases within the limit of tokens", Query: "{" + times(1600, " a%d: __typename") + " }", Code: TooComplex},
		{Name: "aliases that collide", Query: "{" + times(90, " x: a%d") + " }", Code: Validation},
		{Name: "two fields under one alias", Query: "{ x: chats { edges { cursor } } x: __typename }", Code: Validation},
		{Name: "100 aliases of a query to the database", Query: "{" + times(100, ` a%d: chat(id: "00000000-0000-7000-8000-00000000ffff") { id }`) + " }", Code: TooComplex},
		{Name: "100 mutations in one document", Query: "mutation {" + times(100, ` a%d: createChat(input: {title: "x"}) { chat { id } }`) + " }", Code: TooComplex},
		{Name: "the text of a page of messages, 100 times over", Query: "{ chats { edges { node { messages(last: 100) { edges { node {" + times(100, " a%d: content") + " } } } } } } }", Code: TooComplex},
		{Name: "1,000 directives on one field", Query: "{ __typename" + times(1000, " @include(if: true)") + " }", Code: TooComplex},
		{Name: "a directive on each of 500 fields", Query: "{" + times(500, " __typename @skip(if: true)") + " }", Code: TooComplex},
		{Name: "unknown directives", Query: "{ __typename" + times(90, " @d%d") + " }", Code: Validation},
		{Name: "1,000 operations", Query: times(1000, " query Q%d { __typename }"), Operation: "Q1", Code: TooComplex},
		{Name: "90 unnamed operations", Query: times(90, " { __typename }"), Code: Validation},
		{Name: "1,000 definitions of variables", Query: "query (" + times(1000, " $v%d: Int") + ") { __typename }", Code: TooComplex},
		{Name: "90 definitions of one variable", Query: "query (" + times(90, " $v: Int") + ") { __typename }", Code: Validation},
		{Name: "1,600 arguments", Query: "{ chats(" + times(1600, " a%d: 1") + ") { edges { cursor } } }", Code: TooComplex},
	}
}

func nesting() []Document {
	return []Document{
		{Name: "3 MB of opening braces", Query: strings.Repeat("{a", 1536<<10), Code: BadInput},
		{Name: "120 KB of opening braces", Query: strings.Repeat("{a", 60<<10), Code: TooComplex},
		{Name: "2,400 opening braces", Query: strings.Repeat("{a", 2400), Code: TooComplex},
		{Name: "2,400 opening brackets", Query: "{ chats(first: " + strings.Repeat("[", 2400), Code: TooComplex},
		{Name: "a list 1,000 deep", Query: "{ chats(first: " + nest(1000, "[", "1", "]") + ") { edges { cursor } } }", Code: TooComplex},
		{Name: "an object 800 deep", Query: "mutation { createChat(input: " + nest(800, "{a:", "1", "}") + ") { chat { id } } }", Code: TooComplex},
		{Name: "a type 1,000 deep", Query: "query ($v: " + nest(1000, "[", "Int", "]") + ") { __typename }", Code: TooComplex},
		{Name: "fields 200 deep", Query: "{ chats " + nest(200, "{ edges ", "", "}") + " }", Code: TooComplex},
		{Name: "inline fragments 300 deep", Query: "{" + nest(300, " ... {", " __typename", " }") + " }", Code: TooComplex},
		{Name: "inline fragments with a directive each, 200 deep", Query: "{" + nest(200, " ... @include(if: true) {", " __typename", " }") + " }", Code: TooComplex},
		{Name: "closing braces alone", Query: strings.Repeat("}", 4000), Code: Parse},
		{Name: "a full page in a full page", Query: "{ chats(first: 100) { edges { node { messages(last: 100) { edges { node { content } } } } } } }", Code: TooComplex},
	}
}

// chain is n fragments, each with its body, in which %n is the next one's name, and a last one.
func chain(n int, on, body, last string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " fragment F%d on %s { %s }", i, on, strings.ReplaceAll(body, "%n", fmt.Sprintf("F%d", i+1)))
	}
	fmt.Fprintf(&b, " fragment F%d on %s { %s }", n, on, last)
	return b.String()
}

func fragments() []Document {
	return []Document{
		{Name: "fragments that double, 2^30", Query: "{ ...F0 }" + chain(30, "Query", "...%n ...%n", "__typename"), Code: TooComplex},
		{Name: "fragments that double, 2^90", Query: "{ ...F0 }" + chain(90, "Query", "...%n ...%n", "__typename"), Code: TooComplex},
		{Name: "fragments that double with aliased fields", Query: "{ ...F0 }" + chain(20, "Query", "a: node(id: 1) { id } ...%n ...%n", "__typename"), Code: TooComplex},
		{Name: "a chain of 98 fragments", Query: "{ ...F0 }" + chain(97, "Query", "chats { edges { cursor } } ...%n", "__typename"), Code: TooComplex},
		{Name: "45 fragments that spread each other", Query: "{ ...F0 }" + times(45, " fragment F%d on Query {"+times(45, " ...F%d")+" }"), Code: Validation},
		{Name: "a fragment within itself", Query: "{ ...A } fragment A on Query { ...A }", Code: Validation},
		{Name: "two fragments in a circle", Query: "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }", Code: Validation},
		{Name: "a circle through a field", Query: "{ ...A } fragment A on Query { chats { edges { node { ...B } } } } fragment B on Chat { messages { edges { node { ...C } } } } fragment C on Message { ...C }", Code: Validation},
		{Name: "a circle of 90 fragments", Query: "{ ...F0 }" + chain(90, "Query", "...%n", "...F0"), Code: Validation},
		{Name: "20 fragments in many circles", Query: "{ ...F0 }" + times(20, " fragment F%d on Query {"+times(20, " ...F%d")+" }"), Code: Validation},
		{Name: "90 fragments that nobody spreads", Query: "{ __typename }" + times(90, " fragment F%d on Query { __typename }"), Code: Validation},
		{Name: "1,000 fragments", Query: "{ ...F0 }" + times(1000, " fragment F%d on Query { a }"), Code: TooComplex},
		{Name: "fragments of one name", Query: "{ ...A }" + times(90, " fragment A on Query { __typename }"), Code: Validation},
		{Name: "two fragments of one name, one of which spreads what is not there", Query: "{ ...A } fragment A on Query { ...B } fragment A on Query { __typename }", Code: Validation},
		{Name: "1,000 spreads of what is not there", Query: "{" + times(1000, " ...X%d") + " }", Code: Validation},
		{Name: "fragments on types that are not there", Query: "{" + times(90, " ...F%d") + " }" + times(90, " fragment F%d on Cha%dt { id }"), Code: Validation},
	}
}

// long is a name that is slow to compare for suggestions ("did you mean …?").
var long = strings.Repeat("chat", 25<<10)

func names() []Document {
	return []Document{
		{Name: "a field of 100 KB", Query: "{ " + long + " }", Code: TooComplex},
		{Name: "an argument of 100 KB", Query: "{ chats(" + long + ": 1) { edges { cursor } } }", Code: TooComplex},
		{Name: "a type of 100 KB", Query: "{ ...F } fragment F on " + long + " { id }", Code: TooComplex},
		{Name: "an enum value of 100 KB", Query: `mutation { sendMessage(input: {chatId: "1", content: "x", role: ` + long + `}) { message { id } } }`, Code: TooComplex},
		{Name: "an enum value of 100 KB as text", Query: `mutation { sendMessage(input: {chatId: "1", content: "x", role: "` + long + `"}) { message { id } } }`, Code: Validation},
		{Name: "a field of an input of 100 KB", Query: `mutation { createChat(input: {title: "x", ` + long + `: 1}) { chat { id } } }`, Code: TooComplex},
		{Name: "a variable of 100 KB", Query: "query ($" + long + ": Int) { chats(first: $" + "x" + ") { edges { cursor } } }", Code: TooComplex},
		{Name: "a directive of 100 KB", Query: "{ __typename @" + long + " }", Code: TooComplex},
		{Name: "the name of an operation of 100 KB", Query: "{ __typename }", Operation: long, Code: Validation},
		{Name: "490 fields that are nearly right", Query: "{ chats { edges { node {" + times(490, " titl%d") + " } } } }", Code: Validation},
		{Name: "400 arguments that are nearly right", Query: "{ chats(" + times(400, " firs%d: 1") + ") { edges { cursor } } }", Code: Validation},
		{Name: "90 types that are nearly right", Query: "query (" + times(90, " $v%d: Chat%d") + ") { __typename }", Code: Validation},
		{Name: "70 inline fragments on unknown types", Query: "{" + times(70, " ... on Chat%d { id }") + " }", Code: Validation},
		{Name: "400 enum values that are nearly right", Query: `mutation { sendMessage(input: {chatId: "1", content: "x", role: [` + times(400, " USE%d") + `]}) { message { id } } }`, Code: Validation},
		{Name: "90 types with long names that are not there", Query: "{" + times(90, " ...F%d") + " }" + times(90, " fragment F%d on "+long[:76]+"%d { id }"), Code: Validation},
		{Name: "490 fields with long names that are not there", Query: "{ chats { edges { node {" + times(490, " "+long[:76]+"%d") + " } } } }", Code: Validation},
		{Name: "a fragment with arguments in 90 operations", Query: times(90, " query Q%d { ...F }") + " fragment F on Query { chats(" + times(40, " firs%d: 1") + ") { edges { cursor } } }", Operation: "Q1", Code: Validation},
		{Name: "a fragment with a list in 90 operations", Query: times(90, " query Q%d { ...F }") + " fragment F on Query { chats(first: [" + strings.Repeat("1 ", 4000) + "]) { edges { cursor } } }", Operation: "Q1", Code: TooComplex},
		{Name: "1,200 errors", Query: "mutation { createChat(input: {" + times(1200, " titl%d: 1") + "}) { chat { id } } }", Code: Validation},
	}
}
