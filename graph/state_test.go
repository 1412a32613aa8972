package graph_test

import (
	"strings"
	"testing"

	"studychat/graph/generated"
)

func TestUpdateViewerState(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	const document = `mutation ($input: UpdateViewerStateInput!) { updateViewerState(input: $input) { chat { id seq viewerState { id role readSeq unreadCount mutedUntil pinnedAt archivedAt } } } }`
	match(t, "muted and pinned", document, e.ask("bob", document, vars{"input": vars{"chatId": chat1, "mutedUntil": "2030-01-01T00:00:00+01:00", "pinned": true}}))
	match(t, "archived, and the rest stays", e.ask("bob", document, vars{"input": vars{"chatId": chat1, "archived": true}}))
	match(t, "all taken back", e.ask("bob", document, vars{"input": vars{"chatId": chat1, "mutedUntil": nil, "pinned": false, "archived": false}}))
	match(t, "the other member has another state", e.ask("ann", `{ chat(id: "`+chat1+`") { viewerState { id mutedUntil pinnedAt archivedAt } } }`, nil))
	match(t, "a non-member", e.ask("eve", document, vars{"input": vars{"chatId": chat1, "pinned": true}}))
	match(t, "unauthenticated", e.ask("", document, vars{"input": vars{"chatId": chat1, "pinned": true}}))
}

func TestTransferChat(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	const document = `mutation ($user: ID!) { transferChat(input: {chatId: "` + chat1 + `", userId: $user}) { chat { members { user { id } role } viewerState { role } } } }`
	match(t, "by a member", document, e.ask("bob", document, vars{"user": "user:bob"}))
	match(t, "to a non-member", e.ask("ann", document, vars{"user": "user:eve"}))
	items := e.follow("bob", `subscription { chatEvents(chatId: "`+chat1+`", after: "`+place(5)+`") { __typename ... on ChatTransferred { seq actor { id } owner { user { id } role joinedAt } } } }`, nil)
	match(t, "to a member", e.ask("ann", document, vars{"user": "user:bob"}))
	match(t, "again", e.ask("ann", document, vars{"user": "user:bob"}))
	match(t, "the event", durable(t, items, 1)[0])
	match(t, "the former owner may leave", e.ask("ann", `mutation { leaveChat(input: {chatId: "`+chat1+`"}) { leftChatId } }`, nil))
	match(t, "by a non-member", e.ask("eve", document, vars{"user": "user:eve"}))
}

// TestOneMutationOfSeveralFails: the others answer, so that the id of what was stored is not lost.
func TestOneMutationOfSeveralFails(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	const document = `mutation {
  a: createChat(input: {id: "` + chat1 + `", title: "Algebra"}) { chat { id } chatEdge { cursor node { id } } }
  b: createChat(input: {title: ""}) { chat { id } }
}`
	match(t, "one is good, one is not", document, e.ask("ann", document, nil))
	for _, field := range generated.NewExecutableSchema(generated.Config{}).Schema().Mutation.Fields {
		if field.Type.NonNull {
			t.Errorf("%s is not nullable: an error of it would take the answers of others away", field.Name)
		}
	}
}

// TestStreamStarted is what a stream begins with.
func TestStreamStarted(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	e.must("bob", `mutation { markRead(input: {chatId: "`+chat1+`", seq: 4}) { chat { id } } }`, nil)
	const document = `subscription ($chat: ID, $after: String) {
  chatEvents(chatId: $chat, after: $after) { __typename cursor ... on StreamStarted { resumed online { id name } readMarks { user { id name } readSeq } } }
}`
	for _, c := range []struct {
		reason string
		v      vars
	}{
		{"from now", vars{"chat": chat1}}, {"resumed", vars{"chat": chat1, "after": place(2)}}, {"an empty cursor", vars{"chat": chat1, "after": ""}},
		{"before a reset, the cursor that was given", vars{"chat": chat1, "after": place(1000)}}, {"the feed", nil},
	} {
		match(t, c.reason, take(t, e.follow("bob", document, c.v), 1)[0])
	}
}

// TestEventsCarryWhatAListNeeds: a list of chats can live by the feed alone.
func TestEventsCarryWhatAListNeeds(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	const document = `subscription {
  chatEvents { __typename
    ... on MessageSent { messageEdge { cursor node { id content author { name } } } chatEdge { cursor node { id seq lastMessageAt lastMessage { id } viewerState { unreadCount } } } }
    ... on MemberAdded { member { id user { id } } chat { id } chatEdge { node { id title members { user { id } } } } }
    ... on MessagesRead { chat { id } user { id } readSeq unreadCount }
    ... on ChatDeleted { chatId chat { id } }
  }
}`
	ann, eve := e.follow("ann", document, nil), e.follow("eve", document, nil)
	take(t, ann, 1)
	take(t, eve, 1)
	e.must("bob", sendDocument, vars{"id": nowhere, "chat": chat1, "content": "News"})
	match(t, "a message", durable(t, ann, 1)[0])
	e.must("ann", `mutation { markRead(input: {chatId: "`+chat1+`", seq: 100}) { chat { id } } }`, nil)
	match(t, "one's own read mark", durable(t, ann, 1)[0])
	e.must("ann", addDocument, vars{"chat": chat1, "user": "eve"})
	match(t, "who joins gets the chat", durable(t, eve, 1)[0])
	e.must("ann", `mutation { deleteChat(input: {chatId: "`+chat1+`"}) { deletedChatId } }`, nil)
	if gone := durable(t, eve, 1)[0]; !strings.Contains(gone, `"chat": null`) || strings.Contains(gone, "errors") {
		t.Errorf("a chat that is gone: %s", gone)
	}
}
