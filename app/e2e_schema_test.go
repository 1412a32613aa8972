package app

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// TestEmptyCursors checks that an empty cursor counts as absent everywhere.
func TestEmptyCursors(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, i *instance) {
		chat, _ := i.newChat()
		i.message(chat, "one")
		a := i.must(`query ($id: ID!, $empty: String) {
			chats(first: 5, after: $empty, before: $empty) { nodes { id } }
			modules(last: 5, after: $empty, before: $empty) { nodes { id } }
			chat(id: $id) { messages(last: 5, after: $empty, before: $empty) { nodes { content } } around: messages(around: $empty) { nodes { content } } }
		}`, vars{"id": chat, "empty": ""})
		wantEqual(t, "the list", a.at("chats", "nodes"), []any{map[string]any{"id": chat}})
		for _, page := range []string{"messages", "around"} {
			wantEqual(t, page, a.at("chat", page, "nodes"), []any{map[string]any{"content": "one"}})
		}
		for _, of := range []string{chat, ""} {
			v := vars{"after": ""}
			if of != "" {
				v["chat"] = of
			}
			stream := i.events(operation(chatEvents, v))
			if e := <-stream; !strings.Contains(e, `"StreamStarted"`) || !strings.Contains(e, `"resumed":false`) {
				t.Fatalf("%q: the stream begins with %s", of, e)
			}
			i.message(chat, "two")
			for e := range stream {
				if strings.Contains(e, `"MessageSent"`) {
					if !strings.Contains(e, `"content":"two"`) {
						t.Errorf("%q: a stream without a cursor has %s", of, e)
					}
					break
				}
			}
		}
		for name, page := range map[string]string{"chats": `{ chats(after: " ") { totalCount } }`, "modules": `{ modules(after: " ") { totalCount: __typename } }`} {
			if a := i.ask(page, nil); a.code() != "BAD_USER_INPUT" || a.Errors[0].Extensions["field"] != "after" {
				t.Errorf("%s after white space: %s", name, a.raw)
			}
		}
	})
}

// TestLineEnds checks that all line ends become LF in every output, and that a repeat with other line ends is the same
// message.
func TestLineEnds(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, i *instance) {
		chat, cursor := i.newChat()
		live := i.follow(chat, cursor)
		const (
			id   = "22222222-2222-4222-8222-222222222222"
			sent = "\r\n \t\r\n  one\r\ntwo\rthree\u0085four\u2028five\u2029six\nseven \t\r\n\r\n"
			kept = "  one\ntwo\nthree\nfour\nfive\nsix\nseven"
		)
		first := i.must(sendMessage, vars{"id": id, "chat": chat, "content": sent})
		wantEqual(t, "the answer", first.at("sendMessage", "message", "content"), kept)
		live.wantMessage(2, kept)
		for _, again := range []string{sent, kept, strings.ReplaceAll(kept, "\n", "\r\n")} {
			if a := i.must(sendMessage, vars{"id": id, "chat": chat, "content": again}); a.raw != first.raw {
				t.Errorf("%q repeated: %s, first %s", again, a.raw, first.raw)
			}
		}
		if a := i.must(readChat, vars{"id": chat}); !strings.Contains(a.raw, encoded(kept)) {
			t.Errorf("the chat reads %s", a.raw)
		}
		edit := `mutation ($id: ID!, $content: String!) { editMessage(input: {messageId: $id, content: $content}) { message { content } } }`
		a := i.must(edit, vars{"id": id, "content": "a\r\n\r\nb\r"})
		wantEqual(t, "the edited content", a.at("editMessage", "message", "content"), "a\n\nb")
		a = i.must(createChat, vars{"title": " Two\r\nlines\u2028here\r\n"})
		title := i.must(`query ($id: ID!) { chat(id: $id) { title } }`, vars{"id": a.at("createChat", "chat", "id")})
		wantEqual(t, "the title, of one line,", title.at("chat", "title"), "Two lines here")
		if a := i.ask(sendMessage, vars{"chat": chat, "content": "\r\n\u2028\r"}); a.code() != "BAD_USER_INPUT" {
			t.Errorf("line ends alone: %s", a.raw)
		}
	})
}

func encoded(text string) string {
	raw, _ := json.Marshal(text)
	return string(raw)
}

// TestPartialMutations checks that a failing mutation does not affect the answers and effects of the others.
func TestPartialMutations(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, i *instance) {
		a := i.ask(`mutation ($never: ID!) {
			a: createChat(input: {title: "Good"}) { chat { id title } }
			b: createChat(input: {title: " "}) { chat { id } }
			c: renameChat(input: {chatId: $never, title: "Gone"}) { chat { id } }
			d: createChat(input: {title: "Of nothing", moduleId: "never"}) { chat { id } }
			e: createChat(input: {title: "Good too"}) { chat { id title } }
		}`, vars{"never": "00000000-0000-4000-8000-000000000000"})
		wantEqual(t, "the first", a.at("a", "chat", "title"), "Good")
		wantEqual(t, "the last", a.at("e", "chat", "title"), "Good too")
		var codes []string
		for _, e := range a.Errors {
			codes = append(codes, fmt.Sprint(e.Extensions["code"], e.Path))
		}
		wantEqual(t, "the errors", codes, []string{"BAD_USER_INPUT[b]", "NOT_FOUND[c]", "NOT_FOUND[d]"})
		for _, failed := range []string{"b", "c", "d"} {
			if value, there := a.Data[failed]; value != nil || !there {
				t.Errorf("%s is %v, %t: %s", failed, value, there, a.raw)
			}
		}
		list := i.must(`{ chats { totalCount nodes { title } } }`, nil)
		wantEqual(t, "the list", list.at("chats", "nodes"), []any{map[string]any{"title": "Good too"}, map[string]any{"title": "Good"}})
	})
}

// TestJoinedOnFeed checks that a chat begins with the joining user's own MemberAdded, on an open feed and on a resumed
// one.
func TestJoinedOnFeed(t *testing.T) {
	t.Parallel()
	eachWorldWithTokens(t, func(t *testing.T, i *instance) {
		ann, bob := i.as("ann"), i.as("bob")
		before := bob.must(`{ chats { eventCursor } }`, nil).at("chats", "eventCursor").(string)
		live := bob.follow("", before)
		if f := live.read(); !strings.Contains(string(f.Payload), "StreamStarted") {
			t.Fatalf("the feed begins with %s", f.Payload)
		}
		chat, _ := ann.newChat()
		ann.message(chat, "before bob")
		ann.must(addKnown, vars{"chat": chat, "user": "bob"})
		ann.message(chat, "to bob")
		resumed := bob.follow("", before)
		live.started.Kind = "StreamStarted"
		for name, feed := range map[string]*socket{"open": live, "resumed": resumed} {
			if e := feed.next(); e.Kind != "MemberAdded" || e.Seq != 3 {
				t.Errorf("%s: the chat begins with %+v, want MemberAdded 3", name, e)
				continue
			}
			feed.wantMessage(4, "to bob")
		}
	})
}

// TestJWTScopesOfModules checks that modules can be written only with the scope.
func TestJWTScopesOfModules(t *testing.T) {
	t.Parallel()
	i := start(t, append(withTokens(), "DATABASE_URL=sqlite::memory:")...)
	ann := i.bearing("ann", 0, jwt.MapClaims{"scope": "users assistant"})
	for _, document := range []string{
		`mutation { putModule(input: {moduleId: "m", title: "M", content: ""}) { module { id } } }`,
		`mutation { deleteModule(input: {moduleId: "m"}) { deletedModuleId } }`,
	} {
		if a := ann.ask(document, nil); a.code() != "FORBIDDEN" {
			t.Errorf("%s: %s", document, a.raw)
		}
	}
}
