package graph_test

import (
	"testing"

	"studychat/db"
)

func TestReplies(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	const document = `mutation ($id: ID, $chat: ID!, $to: ID) {
  sendMessage(input: {id: $id, chatId: $chat, content: "Yes.", replyToId: $to}) {
    message { seq replyTo { id content author { id } } chat { id title seq } } messageEdge { cursor node { id } } chatEdge { node { id lastMessage { content } } }
  }
}`
	first := e.ask("bob", document, vars{"id": nowhere, "chat": chat1, "to": message1})
	match(t, "to a message of the chat", document, first)
	if again := e.ask("bob", document, vars{"id": nowhere, "chat": chat1, "to": message1}); again != first {
		t.Errorf("the repeat answers %s, not %s", again, first)
	}
	match(t, "the same id without it", e.ask("bob", document, vars{"id": nowhere, "chat": chat1}))
	match(t, "to a message of another chat", e.ask("ann", document, vars{"chat": chat2, "to": message1}))
	match(t, "to nothing", e.ask("bob", document, vars{"chat": chat1, "to": chat1}))
	match(t, "malformed", e.ask("bob", document, vars{"chat": chat1, "to": "1"}))
	e.must("ann", `mutation { deleteMessage(input: {messageId: "`+message1+`"}) { message { id } } }`, nil)
	match(t, "the first is deleted since", e.ask("bob", `{ chat(id: "`+chat1+`") { messages(last: 1) { nodes { content replyTo { id content deletedAt } chat { id } } } } }`, nil))
}

func TestMessagesAround(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	const document = `query ($around: String, $first: Int, $last: Int, $after: String) {
  chat(id: "` + chat1 + `") { messages(around: $around, first: $first, last: $last, after: $after) { nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } eventCursor } }
}`
	cursor := db.Key{ChatID: chat1, Seq: 4}.MessageCursor() // of message2
	match(t, "one, by its id", document, e.ask("bob", document, vars{"around": message2, "first": 1}))
	match(t, "two, by a cursor", e.ask("bob", document, vars{"around": cursor, "first": 2}))
	match(t, "a page of the usual size", e.ask("bob", document, vars{"around": message2}))
	match(t, "an empty one counts as absent", e.ask("bob", document, vars{"around": "", "last": 1}))
	match(t, "a message that never was", e.ask("bob", document, vars{"around": nowhere}))
	match(t, "a cursor of another chat", e.ask("bob", document, vars{"around": db.Key{ChatID: chat2, Seq: 4}.MessageCursor()}))
	match(t, "with last", e.ask("bob", document, vars{"around": message2, "last": 1}))
	match(t, "with after", e.ask("bob", document, vars{"around": message2, "after": cursor}))
	match(t, "garbage", e.ask("bob", document, vars{"around": "garbage"}))
}

func TestEmptyCursorsCountAsAbsent(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	const document = `query ($c: String) {
  chats(after: $c, before: $c) { nodes { id } } modules(after: $c, before: $c) { nodes { id } }
  chat(id: "` + chat1 + `") { messages(after: $c, before: $c) { nodes { id } } }
  module(id: "math-2") { chats(after: $c, before: $c) { nodes { id } } }
}`
	if empty, absent := e.ask("ann", document, vars{"c": ""}), e.ask("ann", document, nil); empty != absent {
		t.Errorf("got %s, want %s", empty, absent)
	}
}
