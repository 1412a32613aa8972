package app

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"studychat/test/services"
	"studychat/transport"
)

// TestConversation runs a typical session: create a chat, follow it, write, read, resume, delete it.
func TestConversation(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, i *instance) {
		chat, cursor := i.newChat()
		live := i.follow(chat, cursor)
		i.message(chat, "one")
		i.message(chat, "two")
		first := live.wantMessage(2, "one")
		live.wantMessage(3, "two")

		i.message(chat, "three")
		back := i.follow(chat, first.Cursor)
		back.wantMessage(3, "two")
		back.wantMessage(4, "three")
		live.wantMessage(4, "three")

		for range 2 { // the second read comes from the cache, if there is one
			a := i.must(readChat, vars{"id": chat})
			if got := fmt.Sprint(a.at("chat", "messages", "edges")); strings.Count(got, "node") != 3 || a.at("chat", "eventCursor") != cursorAt(chat, 4) {
				t.Fatalf("the chat reads %s", a.raw)
			}
		}
		i.must(`mutation ($id: ID!) { deleteChat(input: {chatId: $id}) { deletedChatId } }`, vars{"id": chat})
		for _, s := range []*socket{live, back} {
			if e := s.next(); e.Kind != "ChatDeleted" || e.Seq != 5 {
				t.Fatalf("got %+v, want ChatDeleted", e)
			}
			if f := s.read(); f.Type != "complete" {
				t.Fatalf("got %+v, want complete", f)
			}
		}
		if a := i.ask(readChat, vars{"id": chat}); a.code() != "NOT_FOUND" {
			t.Fatalf("a deleted chat reads %s", a.raw)
		}
	})
}

// TestREADME runs the snippets of the README.
func TestREADME(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	bodies := regexp.MustCompile(`(?m)^curl .* -d '(.*)'$`).FindAllSubmatch(readme, -1)
	if len(bodies) != 3 {
		t.Fatalf("the README has %d snippets, want a mutation, a query and a subscription", len(bodies))
	}
	i := start(t, "DATABASE_URL=sqlite::memory:")
	mutation, query, subscription := bodies[0][1], bodies[1][1], bodies[2][1]
	for range 2 {
		if a := i.send(mutation); len(a.Errors) > 0 {
			t.Fatal(a.raw)
		}
	}
	if a := i.send(query); len(a.Errors) > 0 || !strings.Contains(a.raw, "eigenvector") {
		t.Fatal(a.raw)
	}
	stream := i.events(subscription)
	eventually(t, "the message to arrive on the stream", func() bool {
		i.send(mutation)
		select {
		case e := <-stream:
			return strings.Contains(e, "eigenvector")
		default:
			return false
		}
	})
}

// events subscribes over Server-Sent Events until the test ends.
func (i *instance) events(body []byte) <-chan string {
	i.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	request, _ := http.NewRequestWithContext(ctx, http.MethodPost, i.url+"/graphql", bytes.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "text/event-stream")
	if i.token != "" {
		request.Header.Set("Authorization", "Bearer "+i.token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		cancel()
		i.t.Fatal(err)
	}
	out := readEvents(response.Body)
	i.t.Cleanup(func() {
		cancel()
		for range out { // until the reader has ended
			continue
		}
	})
	return out
}

func TestEventsOverSSE(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, i *instance) {
		chat, _ := i.newChat()
		i.message(chat, "one")
		stream := i.events(operation(chatEvents, vars{"chat": chat, "after": cursorAt(chat, 1)}))
		for _, want := range []string{"StreamStarted", `"seq":2`} {
			if e := <-stream; !strings.Contains(e, want) {
				t.Fatalf("got %s, want %s", e, want)
			}
		}
		i.must(`mutation ($id: ID!) { deleteChat(input: {chatId: $id}) { deletedChatId } }`, vars{"id": chat})
		var kinds []string
		for e := range stream {
			kinds = append(kinds, e)
			if strings.HasPrefix(e, "complete") {
				break
			}
		}
		if n := len(kinds); n < 2 || !strings.Contains(kinds[n-2], "ChatDeleted") {
			t.Fatalf("the stream ended with %v", kinds)
		}
	})
}

// TestRetries sends one message 200 times at once and expects one row, one event and 200 equal answers.
func TestRetries(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, i *instance) {
		const retries = 200
		chat, cursor := i.newChat()
		live := i.follow(chat, cursor)
		body := operation(sendMessage, vars{"id": "11111111-1111-4111-8111-111111111111", "chat": chat, "content": "once"})
		answers := make([]string, retries)
		var all sync.WaitGroup
		for n := range retries {
			all.Go(func() {
				a, err := i.trySend(body)
				if answers[n] = a.raw; err != nil {
					answers[n] = err.Error()
				}
			})
		}
		all.Wait()
		for _, a := range answers {
			if a != answers[0] || strings.Contains(a, "errors") {
				t.Fatalf("got\n%s\nand\n%s", answers[0], a)
			}
		}
		i.message(chat, "after")
		live.wantMessage(2, "once")
		live.wantMessage(3, "after") // the next number: the repeats used none
		a := i.must(readChat, vars{"id": chat})
		if n := strings.Count(a.raw, `"once"`); n != 1 {
			t.Fatalf("%d rows: %s", n, a.raw)
		}
		if a := i.ask(sendMessage, vars{"id": "11111111-1111-4111-8111-111111111111", "chat": chat, "content": "twice"}); a.code() != "CONFLICT" {
			t.Fatalf("the id with other content: %s", a.raw)
		}
	})
}

// TestBadInput expects BAD_USER_INPUT with the field, no stored data, and a running process.
func TestBadInput(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, i *instance) {
		chat, _ := i.newChat()
		send := func(content string) []byte { return operation(sendMessage, vars{"chat": chat, "content": content}) }
		page := func(arguments string) []byte {
			return operation(`{ chat(id: "`+chat+`") { messages(`+arguments+`) { eventCursor } } }`, nil)
		}
		cases := []struct {
			reason, field string
			body          []byte
		}{
			{"empty", "content", send("")},
			{"white space", "content", send(" \n\t ")},
			{"too long", "content", send(strings.Repeat("x", 16_001))},
			{"too long in characters of four bytes", "content", send(strings.Repeat("🎓", 16_001))},
			{"NUL", "content", send("a\x00b")},
			{"escape", "content", send("a\x1bb")},
			{"a C1 control", "content", send("a\u009bb")},
			{"broken UTF-8", "content", bytes.Replace(send("QQ"), []byte("QQ"), []byte("a\xff\xfeb"), 1)},
			{"half a surrogate pair", "content", bytes.Replace(send("QQ"), []byte("QQ"), []byte(`a\ud800b`), 1)},
			{"a truncated character", "content", bytes.Replace(send("QQ"), []byte("QQ"), []byte("a\xe2\x82"), 1)},
			{"malformed chat", "chatId", operation(sendMessage, vars{"chat": "1", "content": "x"})},
			{"a UUID in braces", "chatId", operation(sendMessage, vars{"chat": "{" + chat + "}", "content": "x"})},
			{"malformed id", "id", operation(sendMessage, vars{"chat": chat, "id": "not-a-uuid", "content": "x"})},
			{"empty title", "title", operation(createChat, vars{"title": ""})},
			{"long title", "title", operation(createChat, vars{"title": strings.Repeat("x", 201)})},
			{"malformed cursor of a stream's query", "after", page(`first: 1, after: "garbage"`)},
			{"a cursor of another list", "before", page(`last: 1, before: "YzE6MQ"`)},
			{"negative", "first", page(`first: -1`)},
			{"large", "first", page(`first: 100000`)},
			{"larger than 32 bits, by a variable", "n", operation(`query ($n: Int) { chats(first: $n) { edges { cursor } } }`, vars{"n": 1 << 40})},
			{"both", "last", page(`first: 1, last: 1`)},
		}
		for _, c := range cases {
			a := i.send(c.body)
			if a.code() != "BAD_USER_INPUT" || a.Errors[0].Extensions["field"] != c.field {
				t.Errorf("%s: %s", c.reason, a.raw)
			}
		}
		a := i.must(readChat, vars{"id": chat})
		if edges := a.at("chat", "messages", "edges").([]any); len(edges) != 0 || a.at("chat", "eventCursor") != cursorAt(chat, 1) {
			t.Errorf("something was stored: %s", a.raw)
		}
		if strings.Contains(i.logs.text(), `"level":"ERROR"`) {
			t.Error("bad input was logged as an internal error")
		}
	})
}

// TestBadRequests sends bodies that are not operations. It expects a clear status, no part of the body in the answer,
// and no data. Valid GraphQL requests get status 200 if the client accepts only application/json.
func TestBadRequests(t *testing.T) {
	t.Parallel()
	i := start(t, "DATABASE_URL=sqlite::memory:")
	for _, c := range []struct {
		reason, body   string
		status, legacy int // with application/graphql-response+json, and without
	}{
		{"no JSON", `hello SECRET`, http.StatusBadRequest, http.StatusBadRequest},
		{"a list", `[{"query":"{ __typename } SECRET"}]`, http.StatusBadRequest, http.StatusBadRequest},
		{"a number for a query", `{"query": 1, "x": "SECRET"}`, http.StatusBadRequest, http.StatusBadRequest},
		{"two queries", `{"query": "{ __typename }", "query": "{ SECRET }"}`, http.StatusBadRequest, http.StatusBadRequest},
		{"endless nesting", strings.Repeat("[", 100_000), http.StatusBadRequest, http.StatusBadRequest},
		{"too large", `{"query":"` + strings.Repeat("SECRET ", 1+transport.MaxBody/7) + `"}`, http.StatusRequestEntityTooLarge, http.StatusRequestEntityTooLarge},
		{"no such operation", `{"query":"query A { __typename }","operationName":"SECRE"}`, http.StatusBadRequest, http.StatusOK},
		{"unknown field", `{"query":"{ nothing }"}`, http.StatusBadRequest, http.StatusOK},
		{"syntax", `{"query":"{ chats( "}`, http.StatusBadRequest, http.StatusOK},
		{"a deep document", `{"query":"` + strings.Repeat("{a", 40_000) + `"}`, http.StatusBadRequest, http.StatusOK},
	} {
		for accept, status := range map[string]int{"application/graphql-response+json": c.status, "application/json": c.legacy} {
			accepting := *i
			accepting.accept = accept
			a := accepting.send([]byte(c.body))
			if a.status != status || a.code() == "" || a.code() == "INTERNAL" || strings.Contains(a.raw, "SECRET") || strings.Contains(a.raw, `"data"`) {
				t.Errorf("%s, %s: %d %.300s", c.reason, accept, a.status, a.raw)
			}
		}
	}
	if a := i.ask(chatEvents, nil); a.code() != "BAD_USER_INPUT" {
		t.Errorf("a subscription by plain POST: %s", a.raw)
	}
	if strings.Contains(i.logs.text(), "SECRET") {
		t.Error("a body was logged")
	}
	i.must(`{ __typename }`, nil)
}

// TestTwoInstances checks that a write at one instance is visible at the other with Redis, without it, and with it
// again.
func TestTwoInstances(t *testing.T) {
	t.Parallel()
	redis := services.NewRedisServer(t)
	settings := []string{"DATABASE_URL=" + services.Postgres(t), "REDIS_URL=" + redis.URL()}
	a, b := start(t, settings...), start(t, settings...)
	chat, cursor := a.newChat()
	onB := b.follow(chat, cursor)

	a.message(chat, "with Redis")
	onB.wantMessage(2, "with Redis")
	eventually(t, "online on the other instance", func() bool {
		return strings.Contains(a.must(`query ($id: ID!) { chat(id: $id) { online { id } } }`, vars{"id": chat}).raw, "local")
	})

	redis.Kill()
	a.message(chat, "without Redis")
	onB.wantMessage(3, "without Redis")
	if got := b.must(readChat, vars{"id": chat}); !strings.Contains(got.raw, "without Redis") {
		t.Fatalf("B reads %s", got.raw)
	}
	eventually(t, "degraded, and ready", func() bool { return b.ready() == `200 degraded` })

	redis.Restart()
	eventually(t, "Redis in use again", func() bool { return a.ready() == `200 ok` && b.ready() == `200 ok` })
	a.message(chat, "with Redis again")
	onB.wantMessage(4, "with Redis again")
}

// ready returns the status of /readyz and its state of Redis.
func (i *instance) ready() string {
	i.t.Helper()
	status, text := i.readyz()
	redis := regexp.MustCompile(`"redis":"([^"]*)"`).FindStringSubmatch(text)
	return fmt.Sprint(status, " ", strings.Join(redis[1:], ""))
}

// readyz returns the status of /readyz and its text.
func (i *instance) readyz() (status int, text string) {
	i.t.Helper()
	return operator{i.t, i.url}.do(http.MethodGet, "/readyz", "")
}

func TestNotReadyWithoutDatabase(t *testing.T) {
	t.Parallel()
	postgres := services.NewPostgresServer(t)
	i := start(t, "DATABASE_URL="+postgres.DSN())
	if got := i.ready(); got != "200 not configured" {
		t.Fatalf("ready: %s", got)
	}
	postgres.Kill()
	eventually(t, "not ready", func() bool { return strings.HasPrefix(i.ready(), "503") })
	if a := i.ask(`{ chats { edges { cursor } } }`, nil); a.code() != "UNAVAILABLE" || strings.Contains(a.raw, "connect") {
		t.Errorf("got %s", a.raw)
	}
	postgres.Restart()
	eventually(t, "ready again", func() bool { return strings.HasPrefix(i.ready(), "200") })
	i.newChat()
}

// TestStop checks that streams are disconnected so that clients reconnect, and never completed, and that no
// acknowledged write is lost.
func TestStop(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, i *instance) {
		chat, cursor := i.newChat()
		live := i.follow(chat, cursor)
		i.message(chat, "before")
		live.wantMessage(2, "before")
		codes := make(chan string, 1)
		go func() {
			code, before := live.closeCode()
			codes <- fmt.Sprint(int(code), " ", before)
		}()
		began := time.Now()
		if err := i.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
		if took := time.Since(began); took > waitLong {
			t.Errorf("stopping took %s", took)
		}
		if got := <-codes; got != "1012 []" {
			t.Errorf("the socket ended with %s, want 1012 and nothing before", got)
		}
	})
}

func TestTokens(t *testing.T) {
	t.Parallel()
	i := start(t, append(withTokens(), "DATABASE_URL=sqlite::memory:")...)
	ann, bob, eve := i.as("ann"), i.as("bob"), i.as("eve")
	if a := i.ask(`{ __typename }`, nil); a.code() != "UNAUTHENTICATED" {
		t.Errorf("without a token: %s", a.raw)
	}
	chat, cursor := ann.newChat()
	ann.must(`mutation ($chat: ID!) { addMember(input: {chatId: $chat, userId: "bob", invite: true}) { chat { id } } }`, vars{"chat": chat})
	onBob := bob.follow(chat, cursor)
	if e := onBob.next(); e.Kind != "MemberAdded" {
		t.Fatalf("got %+v", e)
	}
	bob.message(chat, "hello")
	onBob.wantMessage(3, "hello")

	nonMember, never := eve.ask(readChat, vars{"id": chat}), eve.ask(readChat, vars{"id": "00000000-0000-4000-8000-000000000000"})
	if nonMember.code() != "NOT_FOUND" || withoutRequest(nonMember.raw) != withoutRequest(never.raw) {
		t.Errorf("a non-member reads %s, but for a missing chat %s", nonMember.raw, never.raw)
	}
	if f := eve.follow(chat, "").read(); !strings.Contains(string(f.Payload), "NOT_FOUND") {
		t.Errorf("a non-member can follow: %s %s", f.Type, f.Payload)
	}
}

func TestSocketRefusals(t *testing.T) {
	t.Parallel()
	i := start(t, append(withTokens(), "DATABASE_URL=sqlite::memory:")...)
	for _, c := range []struct {
		reason   string
		protocol []string
		first    string
		code     int
	}{
		{"a bad token", []string{"graphql-transport-ws"}, `{"type":"connection_init","payload":{"Authorization":"Bearer x"}}`, 4403},
		{"no token", []string{"graphql-transport-ws"}, `{"type":"connection_init"}`, 4403},
		{"no sub-protocol", nil, "", 4406},
		{"the legacy sub-protocol", []string{"graphql-ws"}, "", 4406},
		{"no JSON", []string{"graphql-transport-ws"}, `x`, 4400},
		{"another message first", []string{"graphql-transport-ws"}, `{"type":"subscribe","id":"1","payload":{"query":"{ __typename }"}}`, 4401},
		{"a second init", []string{"graphql-transport-ws"}, `{"type":"connection_init","payload":[]}`, 4400},
	} {
		s := i.dial(c.protocol...)
		if c.first != "" {
			if err := s.conn.Write(t.Context(), 1, []byte(c.first)); err != nil {
				t.Fatal(err)
			}
		}
		if code, _ := s.closeCode(); int(code) != c.code {
			t.Errorf("%s: closed with %d, want %d", c.reason, code, c.code)
		}
	}
}

// TestTokenExpires checks that the socket closes with a code after which clients reconnect with a fresh token, without
// a complete.
func TestTokenExpires(t *testing.T) {
	t.Parallel()
	i := start(t, append(withTokens(), "DATABASE_URL=sqlite::memory:")...)
	chat, cursor := i.as("ann").newChat()
	short := *i
	short.token = token(t, "ann", 2*time.Second)
	code, before := short.follow(chat, cursor).closeCode()
	if code != 4403 || strings.Contains(strings.Join(before, " "), "complete") {
		t.Errorf("closed with %d after %v", code, before)
	}
}

// TestTokenExpiresOverSSE checks that the stream breaks: it neither continues nor completes.
func TestTokenExpiresOverSSE(t *testing.T) {
	t.Parallel()
	i := start(t, append(withTokens(), "DATABASE_URL=sqlite::memory:")...)
	chat, _ := i.as("ann").newChat()
	short := *i
	short.token = token(t, "ann", 2*time.Second)
	var got []string
	for e := range short.events(operation(chatEvents, vars{"chat": chat, "after": cursorAt(chat, 0)})) {
		got = append(got, e)
	}
	if len(got) != 2 || !strings.Contains(got[0], "StreamStarted") || !strings.Contains(got[1], "ChatCreated") {
		t.Errorf("got %v, want the start, the first event and then a disconnect", got)
	}
}

// TestRebinding checks that, without authentication, a foreign host name that points to this machine is refused.
func TestRebinding(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		settings []string
		status   int
	}{
		{nil, http.StatusForbidden},
		{withTokens(), http.StatusOK}, // the token protects the server
	} {
		i := start(t, append(c.settings, "DATABASE_URL=sqlite::memory:")...)
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, i.url+"/graphql", bytes.NewReader(operation("{ __typename }", nil)))
		request.Host = "attacker.example"
		request.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != c.status {
			t.Errorf("%v: %d, want %d", c.settings, response.StatusCode, c.status)
		}
	}
}

// TestUpgradeOffers checks that an offer of HTTP/2 does not open a socket.
func TestUpgradeOffers(t *testing.T) {
	t.Parallel()
	i := start(t, "DATABASE_URL=sqlite::memory:")
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, i.url+"/graphql", bytes.NewReader(operation("{ __typename }", nil)))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Connection", "Upgrade, HTTP2-Settings")
	request.Header.Set("Upgrade", "h2c")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var body bytes.Buffer
	_, _ = body.ReadFrom(response.Body)
	if response.StatusCode != http.StatusOK || !strings.Contains(body.String(), `"Query"`) {
		t.Errorf("%d %s", response.StatusCode, &body)
	}
}
