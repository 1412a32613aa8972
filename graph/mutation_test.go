package graph_test

import (
	"strings"
	"testing"
)

func TestCreateChat(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	const document = `mutation ($id: ID, $title: String!, $module: ID) {
  createChat(input: {id: $id, title: $title, moduleId: $module}) {
    chat { id title moduleId createdBy { id } createdAt updatedAt eventCursor lastMessage { id } members { user { id } role } viewerState { role readSeq unreadCount } messages { edges { node { id } } } }
    chatEdge { cursor node { id } }
  }
}`
	first := e.ask("ann", document, vars{"id": chat1, "title": "  Algebra\n"})
	match(t, "with an id", document, first)
	if again := e.ask("ann", document, vars{"id": chat1, "title": "Algebra"}); again != first {
		t.Errorf("the repeat answers\n%s\nnot\n%s", again, first)
	}
	match(t, "without an id, of a module", e.ask("ann", document, vars{"title": "Analysis", "module": "math-2"}))
	match(t, "the id with another title", e.ask("ann", document, vars{"id": chat1, "title": "Biology"}))
	match(t, "the id of another's chat", e.ask("eve", document, vars{"id": chat1, "title": "Algebra"}))
	match(t, "empty title", e.ask("ann", document, vars{"title": " \n "}))
	match(t, "long title", e.ask("ann", document, vars{"title": strings.Repeat("é", 201)}))
	match(t, "NUL", e.ask("ann", document, vars{"title": "a\x00b"}))
	match(t, "malformed id", e.ask("ann", document, vars{"id": "1", "title": "x"}))
	match(t, "empty module", e.ask("ann", document, vars{"title": "x", "module": ""}))
	match(t, "unauthenticated", e.ask("", document, vars{"title": "x"}))
}

func TestRenameChat(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	const document = `mutation ($id: ID!, $title: String!) { renameChat(input: {chatId: $id, title: $title}) { chat { id title eventCursor } } }`
	match(t, "by the owner", document, e.ask("ann", document, vars{"id": chat1, "title": "Groups"}))
	match(t, "again: no second event", e.ask("ann", document, vars{"id": chat1, "title": "Groups"}))
	match(t, "by a member", e.ask("bob", document, vars{"id": chat1, "title": "Mine"}))
	match(t, "by a non-member", e.ask("eve", document, vars{"id": chat1, "title": "Mine"}))
	match(t, "to nothing", e.ask("ann", document, vars{"id": chat1, "title": ""}))
	match(t, "malformed", e.ask("ann", document, vars{"id": "x", "title": "x"}))
}

func TestDeleteChat(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	const document = `mutation ($id: ID!) { deleteChat(input: {chatId: $id}) { deletedChatId } }`
	match(t, "by a member", e.ask("bob", document, vars{"id": chat1}))
	match(t, "by a non-member", e.ask("eve", document, vars{"id": chat1}))
	match(t, "by the owner", document, e.ask("ann", document, vars{"id": chat1}))
	match(t, "again", e.ask("ann", document, vars{"id": chat1}))
	match(t, "it is gone", e.ask("ann", `{ chats { edges { node { id } } } chat(id: "`+chat1+`") { id } node(id: "`+message1+`") { id } }`, nil))
	match(t, "its id is not free", e.ask("ann", createDocument, vars{"id": chat1, "title": "Algebra"}))
	match(t, "malformed", e.ask("ann", document, vars{"id": ""}))
}

func TestClearChats(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	e.must("bob", createDocument, vars{"id": nowhere, "title": "Bob's"})
	e.must("bob", addDocument, vars{"chat": nowhere, "user": "ann"})
	match(t, "all that ann owns", e.ask("ann", `mutation { clearChats { deletedChatIds } }`, nil))
	match(t, "bob's stays", e.ask("ann", `{ chats { edges { node { id } } } }`, nil))
	match(t, "again", e.ask("ann", `mutation { clearChats { deletedChatIds } }`, nil))
}

func TestSendMessage(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	first := e.ask("bob", sendDocument, vars{"id": nowhere, "chat": chat1, "content": "\r\nZwei Zeilen:\r\n\teins 👩‍🏫 "})
	match(t, "with an id", sendDocument, first)
	if again := e.ask("bob", sendDocument, vars{"id": nowhere, "chat": chat1, "content": "Zwei Zeilen:\n\teins 👩‍🏫"}); again != first {
		t.Errorf("the repeat answers\n%s\nnot\n%s", again, first)
	}
	match(t, "without an id", e.ask("ann", sendDocument, vars{"chat": chat1, "content": "ok"}))
	match(t, "the id with other content", e.ask("bob", sendDocument, vars{"id": nowhere, "chat": chat1, "content": "other"}))
	match(t, "the id of another's message", e.ask("bob", sendDocument, vars{"id": message1, "chat": chat1, "content": "What is a group?"}))
	match(t, "as the assistant, without the scope", e.ask("ann", sendDocument, vars{"chat": chat1, "content": "x", "role": "ASSISTANT"}))
	match(t, "as the system, without the scope", e.ask("ann", sendDocument, vars{"chat": chat1, "content": "x", "role": "SYSTEM"}))
	e.must("ann", addDocument, vars{"chat": chat1, "user": "tutor"})
	match(t, "as the assistant", e.ask("tutor", sendDocument, vars{"chat": chat1, "content": "A monoid with inverses.", "role": "ASSISTANT"}))
	match(t, "by a non-member", e.ask("eve", sendDocument, vars{"chat": chat1, "content": "x"}))
	match(t, "to nowhere", e.ask("ann", sendDocument, vars{"chat": "10000000-0000-7000-8000-000000000001", "content": "x"}))
	match(t, "empty", e.ask("ann", sendDocument, vars{"chat": chat1, "content": ""}))
	match(t, "16,001 characters", e.ask("ann", sendDocument, vars{"chat": chat1, "content": strings.Repeat("é", 16001)}))
	match(t, "an escape character", e.ask("ann", sendDocument, vars{"chat": chat1, "content": "\x1b[31mred"}))
	match(t, "malformed ids", e.ask("ann", sendDocument, vars{"id": "x", "chat": chat1, "content": "x"}), e.ask("ann", sendDocument, vars{"chat": "x", "content": "x"}))
}

func TestEditMessage(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	const document = `mutation ($id: ID!, $content: String!) { editMessage(input: {messageId: $id, content: $content}) { message { id seq content editedAt } } }`
	match(t, "by the author", document, e.ask("ann", document, vars{"id": message1, "content": "What is a ring?"}))
	match(t, "by another member", e.ask("bob", document, vars{"id": message1, "content": "x"}))
	match(t, "by a non-member", e.ask("eve", document, vars{"id": message1, "content": "x"}))
	match(t, "to nothing", e.ask("ann", document, vars{"id": message1, "content": "\t"}))
	match(t, "a repeated send after the edit", e.ask("ann", sendDocument, vars{"id": message1, "chat": chat1, "content": "What is a group?"}))
	e.must("ann", `mutation ($id: ID!) { deleteMessage(input: {messageId: $id}) { message { id } } }`, vars{"id": message1})
	match(t, "a deleted one", e.ask("ann", document, vars{"id": message1, "content": "x"}))
	match(t, "malformed", e.ask("ann", document, vars{"id": "x", "content": "x"}))
}

func TestDeleteMessage(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	const document = `mutation ($id: ID!) { deleteMessage(input: {messageId: $id}) { message { id seq author { id } content deletedAt } } }`
	match(t, "by another member", e.ask("bob", document, vars{"id": message1}))
	match(t, "by the author", document, e.ask("ann", document, vars{"id": message1}))
	match(t, "again", e.ask("ann", document, vars{"id": message1}))
	match(t, "by the owner of the chat", e.ask("ann", document, vars{"id": message3}))
	match(t, "by a non-member", e.ask("eve", document, vars{"id": message2}))
	match(t, "the last message is the deleted one", e.ask("ann", `{ chats { edges { node { lastMessage { content deletedAt } viewerState { unreadCount } } } } }`, nil))
}

func TestMembers(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	const (
		remove = `mutation ($chat: ID!, $user: ID!) { removeMember(input: {chatId: $chat, userId: $user}) { removedUser { id } chat { id members { user { id } role } } } }`
		leave  = `mutation ($chat: ID!) { leaveChat(input: {chatId: $chat}) { leftChatId } }`
	)
	match(t, "added", addDocument, e.ask("ann", addDocument, vars{"chat": chat1, "user": "cem"}))
	match(t, "added again", e.ask("ann", addDocument, vars{"chat": chat1, "user": "cem"}))
	match(t, "added by a member", e.ask("bob", addDocument, vars{"chat": chat1, "user": "dee"}))
	match(t, "added by a non-member", e.ask("eve", addDocument, vars{"chat": chat1, "user": "eve"}))
	match(t, "nobody added", e.ask("ann", addDocument, vars{"chat": chat1, "user": " "}))
	match(t, "removed", remove, e.ask("ann", remove, vars{"chat": chat1, "user": "cem"}))
	match(t, "removed again", e.ask("ann", remove, vars{"chat": chat1, "user": "cem"}))
	match(t, "removed by a member", e.ask("bob", remove, vars{"chat": chat1, "user": "ann"}))
	match(t, "the owner removed", e.ask("ann", remove, vars{"chat": chat1, "user": "ann"}))
	match(t, "the owner leaves", e.ask("ann", leave, vars{"chat": chat1}))
	match(t, "a member leaves", leave, e.ask("bob", leave, vars{"chat": chat1}))
	match(t, "and is a non-member", e.ask("bob", leave, vars{"chat": chat1}), e.ask("bob", `{ chats { edges { node { id } } } }`, nil))
	match(t, "malformed", e.ask("ann", remove, vars{"chat": "x", "user": "bob"}), e.ask("ann", leave, vars{"chat": "x"}))
}

func TestMarkRead(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	const document = `mutation ($chat: ID!, $seq: Int!) { markRead(input: {chatId: $chat, seq: $seq}) { chat { viewerState { readSeq unreadCount } eventCursor } } }`
	match(t, "some", document, e.ask("ann", document, vars{"chat": chat1, "seq": 4}))
	match(t, "never back", e.ask("ann", document, vars{"chat": chat1, "seq": 1}))
	match(t, "more than there is", e.ask("ann", document, vars{"chat": chat1, "seq": 1000}))
	match(t, "another's mark is untouched", e.ask("bob", `{ chats { edges { node { viewerState { readSeq unreadCount } } } } }`, nil))
	match(t, "negative", e.ask("ann", document, vars{"chat": chat1, "seq": -1}))
	match(t, "by a non-member", e.ask("eve", document, vars{"chat": chat1, "seq": 1}))
}

func TestSetTyping(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	const document = `mutation ($chat: ID!) { setTyping(input: {chatId: $chat, typing: true}) { chatId } }`
	match(t, "member", document, e.ask("ann", document, vars{"chat": chat1}))
	match(t, "non-member", e.ask("eve", document, vars{"chat": chat1}))
	match(t, "malformed", e.ask("ann", document, vars{"chat": "x"}))
}

// TestMutationsOfOneDocumentSeeEachOther: fields of a mutation run one after the other, and the second is not answered from
// what the first has read.
func TestMutationsOfOneDocumentSeeEachOther(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	match(t, "two messages", e.ask("ann", `mutation {
  a: sendMessage(input: {chatId: "`+chat1+`", content: "one"}) { message { chat { seq } } chatEdge { node { seq lastMessage { content } } } }
  b: sendMessage(input: {chatId: "`+chat1+`", content: "two"}) { message { chat { seq } } chatEdge { node { seq lastMessage { content } } } }
}`, nil))
	match(t, "two names", e.ask(clerk, `mutation {
  a: upsertUser(input: {userId: "bob", name: "One"}) { user { name } }
  b: upsertUser(input: {userId: "bob", name: "Two"}) { user { name } }
}`, nil))
}

// TestTimesOutOfRange: what RFC 3339 or a database cannot write is refused, also where only the zone makes it so.
func TestTimesOutOfRange(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	const document = `mutation ($until: DateTime) { updateViewerState(input: {chatId: "` + chat1 + `", mutedUntil: $until}) { chat { viewerState { mutedUntil } } } }`
	for _, until := range []string{"9999-12-31T23:59:59-05:00", "0000-06-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "10000-01-01T00:00:00Z"} {
		if answer := e.ask("ann", document, vars{"until": until}); !strings.Contains(answer, "BAD_USER_INPUT") {
			t.Errorf("%s: %s", until, answer)
		}
	}
	e.must("ann", document, vars{"until": "9999-12-31T23:59:59Z"})
	e.must("ann", `{ chats { nodes { viewerState { mutedUntil } } } }`, nil)
}
