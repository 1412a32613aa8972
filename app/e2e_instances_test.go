package app

import (
	"fmt"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"studychat/test/services"
)

// twoWithRedis starts two servers that require tokens, on one PostgreSQL and one Redis.
func twoWithRedis(t *testing.T) []*instance {
	t.Helper()
	settings := append(withTokens(), "DATABASE_URL="+services.Postgres(t), "REDIS_URL="+services.Redis(t))
	return []*instance{start(t, settings...), start(t, settings...)}
}

const (
	putModule    = `mutation ($id: ID!, $title: String!, $content: String!) { putModule(input: {moduleId: $id, title: $title, content: $content}) { module { id title content updatedAt } moduleEdge { cursor } } }`
	readModules  = `{ modules { nodes { id title content } } }`
	readModule   = `query ($id: ID!) { module(id: $id) { id title content chats { totalCount nodes { title } } } node(id: $id) { __typename id } }`
	ofModule     = `mutation ($title: String!, $module: ID!) { createChat(input: {title: $title, moduleId: $module}) { chat { id moduleId module { title } } } }`
	readOfModule = `query ($id: ID!, $module: ID!) { chat(id: $id) { moduleId module { title content } } chats(moduleId: $module) { totalCount nodes { title } } }`
)

// TestModulesOnTwoInstances checks that a write to a module at one instance is visible at the other at once.
func TestModulesOnTwoInstances(t *testing.T) {
	t.Parallel()
	both := twoWithRedis(t)
	editor := func(n int) *instance { return both[n].bearing("editor", time.Hour, jwt.MapClaims{"scope": "modules"}) }
	ann := func(n int) *instance { return both[n].as("ann") }
	if a := ann(0).ask(ofModule, vars{"title": "Too early", "module": "algebra"}); a.code() != "NOT_FOUND" {
		t.Errorf("a chat of a missing module: %s", a.raw)
	}
	first := editor(0).must(putModule, vars{"id": "algebra", "title": "Algebra", "content": "# One\r\ntwo"})
	again := editor(1).must(putModule, vars{"id": "algebra", "title": "Algebra", "content": "# One\ntwo"})
	if first.raw != again.raw {
		t.Errorf("repeated at the other instance: %s, first %s", again.raw, first.raw)
	}
	editor(1).must(putModule, vars{"id": "biology", "title": "Biology", "content": ""})
	var chat string
	for n := range both {
		wantEqual(t, "the list of modules", ann(n).must(readModules, nil).at("modules", "nodes"), []any{
			map[string]any{"id": "algebra", "title": "Algebra", "content": "# One\ntwo"}, map[string]any{"id": "biology", "title": "Biology", "content": ""},
		})
		a := ann(n).must(ofModule, vars{"title": fmt.Sprint("Chat ", n), "module": "algebra"})
		wantEqual(t, "the chat's module", a.at("createChat", "chat", "module", "title"), "Algebra")
		chat = a.at("createChat", "chat", "id").(string)
	}
	for n := range both {
		a := ann(n).must(readModule, vars{"id": "algebra"})
		wantEqual(t, "the node", a.at("node"), map[string]any{"__typename": "Module", "id": "algebra"})
		wantEqual(t, "the module's chats", a.at("module", "chats", "nodes"), []any{map[string]any{"title": "Chat 1"}, map[string]any{"title": "Chat 0"}})
		wantEqual(t, "bob's chats of the module", both[n].as("bob").must(readModule, vars{"id": "algebra"}).at("module", "chats", "totalCount"), 0)
		wantEqual(t, "another module's chats", ann(n).must(readModule, vars{"id": "biology"}).at("module", "chats", "totalCount"), 0)
	}
	for n := range both { // one writes and the other reads, in turn
		title := fmt.Sprint("Algebra ", n)
		editor(n).must(putModule, vars{"id": "algebra", "title": title, "content": "new"})
		for m := range both {
			a := ann(m).must(readOfModule, vars{"id": chat, "module": "algebra"})
			wantEqual(t, "the module after a change", a.at("chat", "module"), map[string]any{"title": title, "content": "new"})
		}
	}
	editor(0).must(`mutation { deleteModule(input: {moduleId: "algebra"}) { deletedModuleId } }`, nil)
	for n := range both {
		a := ann(n).must(readOfModule, vars{"id": chat, "module": "algebra"})
		wantEqual(t, "the chat after the deletion", a.at("chat"), map[string]any{"moduleId": "algebra", "module": nil})
		wantEqual(t, "the chats of the deleted module", a.at("chats", "totalCount"), 2)
		if a := ann(n).ask(readModule, vars{"id": "algebra"}); a.code() != "NOT_FOUND" {
			t.Errorf("a deleted module reads %s", a.raw)
		}
		if a := ann(n).ask(ofModule, vars{"title": "Too late", "module": "algebra"}); a.code() != "NOT_FOUND" {
			t.Errorf("a chat of a deleted module: %s", a.raw)
		}
	}
}

const (
	readList = `{ chats(first: 10) { totalCount nodes { id title seq createdBy { id } lastMessage { content } viewerState { role } } } }`
	rename   = `mutation ($id: ID!, $title: String!) { renameChat(input: {chatId: $id, title: $title}) { chat { id } } }`
	transfer = `mutation ($id: ID!, $user: ID!) { transferChat(input: {chatId: $id, userId: $user}) { chat { id } } }`
	editText = `mutation ($id: ID!, $content: String!) { editMessage(input: {messageId: $id, content: $content}) { message { id } } }`
	takeBack = `mutation ($id: ID!) { deleteMessage(input: {messageId: $id}) { message { id } } }`
	remove   = `mutation ($id: ID!, $user: ID!) { removeMember(input: {chatId: $id, userId: $user}) { chat { id } } }`
)

// TestListOnTwoInstances checks that both instances return the newest list of chats after each change, with the newest
// message first, from the cache of Redis whenever possible.
func TestListOnTwoInstances(t *testing.T) {
	t.Parallel()
	both := twoWithRedis(t)
	at := func(n int, user string) *instance { return both[n%2].as(user) }
	at(0, "bob").must(viewerNamed, nil)
	chats, messages := map[string]string{}, map[string]string{}
	for n, title := range []string{"a", "b", "c"} {
		a := at(n, "ann").must(createChat, vars{"title": title})
		chats[title] = a.at("createChat", "chat", "id").(string)
		at(n+1, "ann").must(addKnown, vars{"chat": chats[title], "user": "bob"})
		sent := at(n, "ann").must(sendMessage, vars{"chat": chats[title], "content": "first of " + title})
		messages[title] = sent.at("sendMessage", "message", "id").(string)
	}
	// want reads the list of both users at both instances, twice each.
	want := func(after string, of ...string) {
		t.Helper()
		for n := range 4 {
			for _, user := range []string{"ann", "bob"} {
				a := at(n, user).must(readList, nil)
				var got []string
				for _, node := range a.at("chats", "nodes").([]any) {
					chat := answer{Data: node.(map[string]any)}
					got = append(got, fmt.Sprintf("%s:%s:%s", chat.at("title"), chat.at("lastMessage", "content"), roleFor(user, chat.at("viewerState", "role"))))
				}
				wantEqual(t, fmt.Sprintf("the list of %s at %d after %s", user, n%2, after), got, of)
				wantEqual(t, "the count after "+after, a.at("chats", "totalCount"), len(of))
			}
		}
	}
	want("the start", "c:first of c:ann", "b:first of b:ann", "a:first of a:ann")
	at(0, "ann").must(editText, vars{"id": messages["a"], "content": "edited"})
	want("an edit", "c:first of c:ann", "b:first of b:ann", "a:edited:ann")
	at(1, "ann").must(rename, vars{"id": chats["a"], "title": "A"})
	want("a rename", "c:first of c:ann", "b:first of b:ann", "A:edited:ann")
	at(0, "ann").must(transfer, vars{"id": chats["b"], "user": "bob"})
	want("a transfer", "c:first of c:ann", "b:first of b:bob", "A:edited:ann")
	at(1, "bob").must(sendMessage, vars{"chat": chats["a"], "content": "second"})
	want("a message", "A:second:ann", "c:first of c:ann", "b:first of b:bob")
	at(0, "ann").must(takeBack, vars{"id": messages["c"]})
	want("a deletion", "A:second:ann", "c::ann", "b:first of b:bob")
	at(1, "bob").must(addMember, vars{"chat": chats["b"], "user": "cid"})
	want("a member more", "A:second:ann", "c::ann", "b:first of b:bob")
	at(0, "bob").must(remove, vars{"id": chats["b"], "user": "cid"})
	want("a member less", "A:second:ann", "c::ann", "b:first of b:bob")
	at(1, "ann").must(`mutation ($id: ID!) { deleteChat(input: {chatId: $id}) { deletedChatId } }`, vars{"id": chats["a"]})
	want("a deletion of a chat", "c::ann", "b:first of b:bob")
}

const addMember = `mutation ($chat: ID!, $user: ID!) { addMember(input: {chatId: $chat, userId: $user, invite: true}) { member { id } } }`

// roleFor returns the owner of a chat of ann and bob, given the role of one of them.
func roleFor(user string, role any) string {
	other := map[string]string{"ann": "bob", "bob": "ann"}
	if role == "OWNER" {
		return user
	}
	return other[user]
}
