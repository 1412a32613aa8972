package graph_test

import (
	"strings"
	"testing"
)

const nodeFields = `__typename id ... on Chat { title } ... on Message { content } ... on Member { user { id } memberRole: role }
  ... on ViewerState { readSeq } ... on User { name } ... on Module { title }`

// TestNode asks for every kind of object, by those who may see it and by others.
func TestNode(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	const document = `query ($id: ID!) { node(id: $id) { ` + nodeFields + ` } }`
	for _, c := range []struct{ reason, id string }{
		{"chat", chat1}, {"message", message1}, {"member", "member:" + chat1 + ":ann"}, {"state", "state:" + chat1 + ":bob"},
		{"user", "user:ann"}, {"module", "math-2"}, {"never was", nowhere}, {"who is not a member", "member:" + chat1 + ":eve"},
		{"the state of another", "state:" + chat1 + ":ann"}, {"a non-member's user", "user:eve"}, {"malformed", "chat:1"},
	} {
		match(t, c.reason+" by a member", e.ask("bob", document, vars{"id": c.id}))
		answer := e.ask("eve", document, vars{"id": c.id})
		public := c.id == "math-2" || c.id == "user:eve"
		if refused := strings.Contains(answer, "NOT_FOUND"); refused == public {
			t.Errorf("%s by a non-member: %s", c.reason, answer)
		}
	}
}

func TestNodes(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	const document = `query ($ids: [ID!]!) { nodes(ids: $ids) { ` + nodeFields + ` } }`
	ids := []string{message1, nowhere, chat1, "user:ann", chat2, "member:" + chat1 + ":bob", "math-2", "state:" + chat1 + ":bob", message1, "chat:1", "", "member:x:y"}
	match(t, "all kinds, in order", document, e.ask("bob", document, vars{"ids": ids}))
	match(t, "a non-member", e.ask("eve", document, vars{"ids": ids}))
	match(t, "none", e.ask("bob", document, vars{"ids": []string{}}))
	many := make([]string, 101)
	for i := range many {
		many[i] = chat1
	}
	match(t, "too many", e.ask("bob", `query ($ids: [ID!]!) { nodes(ids: $ids) { id } }`, vars{"ids": many}))
}

// TestOneIDNamesOneObject: the id of a chat cannot become the id of a message, for any user.
func TestOneIDNamesOneObject(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	match(t, "a message with the id of its chat", e.ask("ann", sendDocument, vars{"id": chat1, "chat": chat1, "content": "x"}))
	match(t, "a non-member's chat with the id of a message", e.ask("eve", createDocument, vars{"id": message1, "title": "x"}))
}
