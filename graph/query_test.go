package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"studychat/db"
)

const (
	createDocument = `mutation ($id: ID, $title: String!, $module: ID) { createChat(input: {id: $id, title: $title, moduleId: $module}) { chat { id title moduleId } } }`
	sendDocument   = `mutation ($id: ID, $chat: ID!, $content: String!, $role: MessageRole) { sendMessage(input: {id: $id, chatId: $chat, content: $content, role: $role}) { message { id chatId seq author { id name } role content replyTo { id } createdAt editedAt deletedAt } } }`
	addDocument    = `mutation ($chat: ID!, $user: ID!) { addMember(input: {chatId: $chat, userId: $user, invite: true}) { chat { id members { id user { id name avatarUrl } role joinedAt readSeq } } } }`
)

// seeded is an edge where ann owns chat1 (bob is in it, with three messages) and chat2 (empty, of a module).
func seeded(t *testing.T) *edge {
	t.Helper()
	e := newEdge(t)
	e.must("ann", createDocument, vars{"id": chat1, "title": "Algebra"})
	e.must("ann", addDocument, vars{"chat": chat1, "user": "bob"})
	e.must("ann", sendDocument, vars{"id": message1, "chat": chat1, "content": "What is a group?"})
	e.must("bob", sendDocument, vars{"id": message2, "chat": chat1, "content": "A set with one operation."})
	e.must("ann", createDocument, vars{"id": chat2, "title": "Analysis", "module": "math-2"})
	e.must("bob", sendDocument, vars{"id": message3, "chat": chat1, "content": "And inverses."})
	return e
}

func TestChats(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	const document = `query ($first: Int, $after: String, $last: Int, $before: String, $module: ID) {
  chats(first: $first, after: $after, last: $last, before: $before, moduleId: $module) {
    edges { cursor node {
      id title moduleId module { id title } createdBy { id name } createdAt updatedAt lastMessageAt seq eventCursor online { id }
      lastMessage { id seq content }
      members { id user { id name avatarUrl } role joinedAt readSeq }
      viewerState { role readSeq unreadCount }
      messages(last: 1) { edges { node { content } } pageInfo { hasPreviousPage } }
    } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount eventCursor
  }
}`
	match(t, "everything about every chat", document, e.ask("ann", document, nil))
	match(t, "the same for another member", e.ask("bob", document, nil))
	match(t, "one chat a page", e.ask("ann", document, vars{"first": 1}))
	match(t, "from the end", e.ask("ann", document, vars{"last": 1}))
	match(t, "of a module", e.ask("ann", document, vars{"module": "math-2"}))
	match(t, "none", e.ask("ann", document, vars{"first": 0}))
	match(t, "a non-member has no chats", e.ask("eve", document, nil))
	match(t, "unauthenticated", e.ask("", document, nil))
}

func TestChatsBadPages(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	const document = `query ($first: Int, $after: String, $last: Int, $before: String, $module: ID) { chats(first: $first, after: $after, last: $last, before: $before, moduleId: $module) { pageInfo { hasNextPage } } }`
	for _, v := range []vars{
		{"first": -1}, {"first": 101}, {"first": 100000}, {"last": -1}, {"last": 101}, {"first": 1, "last": 1},
		{"after": "x"}, {"after": "bTE6MQ"}, {"before": db.Key{ChatID: chat1, Seq: 1}.MessageCursor()}, {"module": ""}, {"module": "a\x00b"},
	} {
		match(t, fmt.Sprintf("%#v", v), e.ask("ann", document, v))
	}
}

func TestChat(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	const document = `query ($id: ID!, $first: Int, $after: String, $last: Int, $before: String) {
  chat(id: $id) {
    id title moduleId module { id title } createdBy { id name } createdAt updatedAt lastMessageAt seq eventCursor online { id }
    lastMessage { id }
    members { id user { id name avatarUrl } role joinedAt readSeq }
    viewerState { role readSeq unreadCount }
    messages(first: $first, after: $after, last: $last, before: $before) {
      edges { cursor node { id chatId seq author { id name } role content replyTo { id } createdAt editedAt deletedAt } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      eventCursor
    }
  }
}`
	match(t, "whole", document, e.ask("ann", document, vars{"id": chat1}))
	match(t, "empty", e.ask("ann", document, vars{"id": chat2}))
	match(t, "the newest message", e.ask("bob", document, vars{"id": chat1, "last": 1}))
	match(t, "the oldest two", e.ask("bob", document, vars{"id": chat1, "first": 2}))
	match(t, "after the first", e.ask("bob", document, vars{"id": chat1, "first": 1, "after": db.Key{ChatID: chat1, Seq: 3}.MessageCursor()}))
	match(t, "before the last", e.ask("bob", document, vars{"id": chat1, "last": 1, "before": db.Key{ChatID: chat1, Seq: 5}.MessageCursor()}))
	match(t, "what an empty page gave", e.ask("bob", document, vars{"id": chat1, "last": 1, "before": "", "after": ""}))
	match(t, "a cursor of another chat", e.ask("bob", document, vars{"id": chat1, "last": 1, "before": db.Key{ChatID: chat2, Seq: 5}.MessageCursor()}))
	match(t, "upper case is the same id", e.ask("bob", `query ($id: ID!) { chat(id: $id) { id } }`, vars{"id": "00000000-0000-7000-8000-000000000001"}))
}

func TestChatRefused(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	const document = `query ($id: ID!) { chat(id: $id) { id title } }`
	answer := e.ask("eve", document, vars{"id": chat1})
	never := e.ask("eve", document, vars{"id": nowhere})
	if answer != never {
		t.Errorf("a non-member can tell\n%s\nfrom\n%s", answer, never)
	}
	match(t, "non-member", answer)
	match(t, "malformed", e.ask("ann", document, vars{"id": "1"}))
	match(t, "unauthenticated", e.ask("", document, vars{"id": chat1}))
	match(t, "bad page of messages", e.ask("ann", `query ($id: ID!) { chat(id: $id) { id messages(first: 101) { eventCursor } } }`, vars{"id": chat1}))
}

// TestSeveralOperations: who sends several and names none is told so, whether the schema is hidden or not.
func TestSeveralOperations(t *testing.T) {
	t.Parallel()
	answer := newEdge(t).ask("ann", `query A { __typename } query B { __typename }`, nil)
	if !strings.Contains(answer, "operationName must name one") || !strings.Contains(answer, "GRAPHQL_VALIDATION_FAILED") {
		t.Errorf("got %s", answer)
	}
}
