package graph_test

import (
	"strings"
	"testing"

	"studychat/db"
)

func TestModules(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	const (
		put      = `mutation ($id: ID!, $title: String!, $content: String!) { putModule(input: {moduleId: $id, title: $title, content: $content}) { module { id title content updatedAt } moduleEdge { cursor node { id } } } }`
		remove   = `mutation ($id: ID!) { deleteModule(input: {moduleId: $id}) { deletedModuleId } }`
		list     = `query ($first: Int, $after: String) { modules(first: $first, after: $after) { edges { cursor node { id } } nodes { id title } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`
		document = `query ($id: ID!) { module(id: $id) { id title content updatedAt chats { totalCount nodes { id title } } } }`
	)
	match(t, "new", put, e.ask(clerk, put, vars{"id": "Algebra 1", "title": "Algebra", "content": "# Groups\n"}))
	match(t, "again, with other content", e.ask(clerk, put, vars{"id": "Algebra 1", "title": "Algebra", "content": ""}))
	match(t, "all", list, e.ask("eve", list, nil))
	match(t, "one a page", e.ask("eve", list, vars{"first": 1, "after": ""}))
	match(t, "the second page", e.ask("eve", list, vars{"first": 1, "after": db.Key{Title: "Algebra", ID: "Algebra 1"}.ModuleCursor()}))
	match(t, "one, with the viewer's chats", document, e.ask("ann", document, vars{"id": "math-2"}))
	match(t, "to a non-member the same module, without chats", e.ask("eve", document, vars{"id": "math-2"}))
	match(t, "of a chat", e.ask("ann", `{ chats { nodes { id moduleId module { id title content } } } }`, nil))
	match(t, "without the scope", e.ask("ann", put, vars{"id": "x", "title": "x", "content": "x"}))
	match(t, "removing without the scope", e.ask("ann", remove, vars{"id": "math-2"}))
	match(t, "a UUID for an id", e.ask(clerk, put, vars{"id": nowhere, "title": "x", "content": "x"}))
	match(t, "a colon in the id", e.ask(clerk, put, vars{"id": "user:ann", "title": "x", "content": "x"}))
	match(t, "too much content", e.ask(clerk, put, vars{"id": "x", "title": "x", "content": strings.Repeat("é", db.MaxModuleContent+1)}))
	match(t, "removed", e.ask(clerk, remove, vars{"id": "math-2"}))
	match(t, "removed again", e.ask(clerk, remove, vars{"id": "math-2"}))
	match(t, "its chats stay", e.ask("ann", `{ module(id: "math-2") { id } chats(moduleId: "math-2") { nodes { id moduleId module { id } } } }`, nil))
	match(t, "a chat of no module", e.ask("ann", createDocument, vars{"title": "x", "module": "math-2"}))
	match(t, "unauthenticated", e.ask("", list, nil))
}
