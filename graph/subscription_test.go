package graph_test

import (
	"strings"
	"testing"
	"time"

	"studychat/db"
)

const eventsDocument = `subscription ($chat: ID, $after: String) {
  chatEvents(chatId: $chat, after: $after) {
    __typename cursor at
    ... on StreamStarted { resumed online { id name } readMarks { user { id } readSeq } }
    ... on DurableChatEvent { eventId chatId chat { id title seq } seq actor { id name } }
    ... on ChatCreated { chat { title } chatEdge { cursor node { id } } }
    ... on ChatRenamed { title }
    ... on MessageSent { message { id seq author { id } role content createdAt } }
    ... on MessageEdited { message { id content editedAt } }
    ... on MessageDeleted { message { id content deletedAt } }
    ... on MemberAdded { member { user { id name } role } }
    ... on MemberRemoved { user { id } }
    ... on MessagesRead { chatId chat { id } user { id } readSeq unreadCount }
    ... on TypingChanged { chatId chat { id } user { id } typing }
    ... on PresenceChanged { chatId chat { id } user { id name } isOnline }
    ... on StreamReset { resetChatId reason }
  }
}`

// TestChatEventsReplay walks the whole log of a chat, from the beginning to its end.
func TestChatEventsReplay(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	e.must("ann", `mutation { renameChat(input: {chatId: "`+chat1+`", title: "Groups"}) { chat { id } } }`, nil)
	e.must("ann", `mutation { editMessage(input: {messageId: "`+message1+`", content: "What is a ring?"}) { message { id } } }`, nil)
	e.must("bob", `mutation { deleteMessage(input: {messageId: "`+message2+`"}) { message { id } } }`, nil)
	items := e.follow("ann", eventsDocument, vars{"chat": chat1, "after": place(0)})
	replayed := durable(t, items, 8)
	match(t, "replay", eventsDocument, strings.Join(replayed, "\n"))

	e.must("ann", `mutation { removeMember(input: {chatId: "`+chat1+`", userId: "bob"}) { chat { id } } }`, nil)
	removed := durable(t, items, 1) // with the chat as it was: it is there until it is deleted
	e.must("ann", `mutation { deleteChat(input: {chatId: "`+chat1+`"}) { deletedChatId } }`, nil)
	match(t, "live, to the end", strings.Join(append(removed, durable(t, items, 2)...), "\n"))
}

// place is the cursor just after an event of chat1, as clients see it.
func place(seq int64) string { return db.Cursor{ChatID: chat1, Epoch: 1, Seq: seq}.String() }

// durable takes n items, leaving out the beginning of the stream, and ephemeral events, which may be dropped or coalesced.
func durable(t *testing.T, items <-chan string, n int) []string {
	t.Helper()
	var out []string
	for len(out) < n {
		item := take(t, items, 1)[0]
		if item == "complete" {
			return append(out, item)
		}
		if !strings.Contains(item, `"PresenceChanged"`) && !strings.Contains(item, `"StreamStarted"`) {
			out = append(out, item)
		}
	}
	return out
}

func TestChatEventsPassing(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	items := e.follow("ann", eventsDocument, vars{"chat": chat1, "after": place(4)})
	durable(t, items, 1) // now the stream is live
	e.must("bob", `mutation { setTyping(input: {chatId: "`+chat1+`", typing: true}) { chatId } }`, nil)
	match(t, "typing", durable(t, items, 1)[0])
	e.must("bob", `mutation { markRead(input: {chatId: "`+chat1+`", seq: 3}) { chat { id } } }`, nil)
	match(t, "read", durable(t, items, 1)[0])
	match(t, "online", e.ask("bob", `{ chat(id: "`+chat1+`") { online { id name } } }`, nil))
}

// TestChatEventsOfARemovedMember ends with the removal.
func TestChatEventsOfARemovedMember(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	items := e.follow("bob", eventsDocument, vars{"chat": chat1, "after": place(4)})
	durable(t, items, 1)
	e.must("ann", `mutation { removeMember(input: {chatId: "`+chat1+`", userId: "bob"}) { chat { id } } }`, nil)
	match(t, "the removal, then the end", strings.Join(durable(t, items, 2), "\n"))
	match(t, "not again", strings.Join(take(t, e.follow("bob", eventsDocument, vars{"chat": chat1}), 1), "\n"))
}

// TestChatEventsFeed resumes the feed from an hour ago: all events of both chats, in order within each.
func TestChatEventsFeed(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	hourAgo := db.FeedCursor{User: "ann", Epoch: 1, At: time.Now().Add(-time.Hour)}
	items := e.follow("ann", eventsDocument, vars{"after": hourAgo.String()})
	var one, two []string
	for _, item := range durable(t, items, 6) {
		if strings.Contains(item, chat1) {
			one = append(one, item)
		} else {
			two = append(two, item)
		}
	}
	match(t, "chat one", strings.Join(one, "\n"))
	match(t, "chat two", strings.Join(two, "\n"))

	e.must("ann", createDocument, vars{"id": nowhere, "title": "New"})
	match(t, "a chat that begins meanwhile", durable(t, items, 1)[0])
}

func TestChatEventsRefused(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	for _, c := range []struct {
		reason, user string
		v            vars
	}{
		{"a non-member", "eve", vars{"chat": chat1}},
		{"never was", "eve", vars{"chat": nowhere}},
		{"unauthenticated", "", vars{"chat": chat1}},
		{"malformed chat", "ann", vars{"chat": "x"}},
		{"garbage cursor", "ann", vars{"chat": chat1, "after": "garbage"}},
		{"a cursor of the feed", "ann", vars{"chat": chat1, "after": db.FeedCursor{User: "ann", Epoch: 1}.String()}},
		{"a cursor of a chat, for the feed", "ann", vars{"after": place(1)}},
	} {
		match(t, c.reason, strings.Join(take(t, e.follow(c.user, eventsDocument, c.v), 2), "\n"))
	}
	match(t, "over a transport that cannot stream", e.ask("ann", eventsDocument, vars{"chat": chat1}))
}

func TestChatEventsReset(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	for _, c := range []struct{ reason, after string }{
		{"ahead of the chat", place(1000)},
		{"another epoch", db.Cursor{ChatID: chat1, Epoch: 7, Seq: 3}.String()},
	} {
		items := e.follow("ann", eventsDocument, vars{"chat": chat1, "after": c.after})
		match(t, c.reason, durable(t, items, 1)[0])
	}
	items := e.follow("ann", eventsDocument, vars{"after": db.FeedCursor{User: "ann", Epoch: 1, At: time.Unix(0, 0)}.String()})
	match(t, "a cursor of the feed that is older than what is kept", durable(t, items, 1)[0])
}

func TestChatEventsPresence(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	items := e.follow("ann", eventsDocument, vars{"chat": chat1})
	match(t, "the beginning", take(t, items, 1)[0])
	take(t, e.follow("bob", eventsDocument, vars{"chat": chat1}), 1)
	match(t, "another member comes online", take(t, items, 1)[0])
}
