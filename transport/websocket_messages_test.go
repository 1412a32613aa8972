package transport

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

const (
	initMessage      = `{"type":"connection_init","payload":{"authorization":"Bearer ann"}}`
	subscribeMessage = `{"type":"subscribe","id":"1","payload":{"query":"subscription { chatEvents { cursor } }"}}`
	queryMessage     = `{"type":"subscribe","id":"q","payload":{"query":"{ __typename }"}}`
)

var ours = []string{subprotocol}

// TestSocketProtocol: what a client says and how the socket ends, by the protocol's own words
// (https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md). goesOn means that it does not end.
func TestSocketProtocol(t *testing.T) {
	t.Parallel()
	const goesOn = 0
	long := strings.Repeat("é", 90)
	big := strings.Repeat("x", MaxBody)
	deep := strings.Repeat("[", 65) + strings.Repeat("]", 65)
	for _, c := range []struct {
		reason    string
		protocols []string
		messages  []string
		code      int
	}{
		{"a handshake", ours, []string{initMessage}, goesOn},
		{"both sub-protocols offered", []string{"graphql-ws", subprotocol}, []string{initMessage}, goesOn},
		{"no sub-protocol", nil, nil, 4406},
		{"the legacy sub-protocol", []string{"graphql-ws"}, nil, 4406},
		{"an unknown sub-protocol", []string{"soap"}, nil, 4406},
		{"a subscription before the init", ours, []string{subscribeMessage}, 4401},
		{"a query before the init", ours, []string{queryMessage}, 4401},
		{"a ping before the init", ours, []string{`{"type":"ping"}`, initMessage}, goesOn},
		{"a pong before the init", ours, []string{`{"type":"pong"}`, initMessage}, goesOn},
		{"a complete before the init", ours, []string{`{"type":"complete","id":"1"}`, initMessage}, goesOn},
		{"no init at all", ours, nil, 4408},
		{"pings instead of an init", ours, []string{`{"type":"ping"}`, `{"type":"ping"}`}, 4408},
		{"init with null and no header", ours, []string{`{"type":"connection_init","payload":null}`}, 4403},
		{"init without a token", ours, []string{`{"type":"connection_init"}`}, 4403},
		{"init with a bad token", ours, []string{`{"type":"connection_init","payload":{"authorization":"Bearer bad"}}`}, 4403},
		{"init while tokens cannot be checked", ours, []string{`{"type":"connection_init","payload":{"authorization":"Bearer unasked"}}`}, closeTryAgain},
		{"init with another scheme", ours, []string{`{"type":"connection_init","payload":{"authorization":"Basic ann"}}`}, 4403},
		{"init with a number for a token", ours, []string{`{"type":"connection_init","payload":{"authorization":5}}`}, 4403},
		{"init with a list", ours, []string{`{"type":"connection_init","payload":[]}`}, 4400},
		{"init with a text", ours, []string{`{"type":"connection_init","payload":"Bearer ann"}`}, 4400},
		{"a large message before the init", ours, []string{`{"type":"ping","payload":{"a":"` + big[:maxInit] + `"}}`}, 1009},
		{"a large message after the init", ours, []string{initMessage, `{"type":"ping","payload":{"a":"` + big[:2*maxInit] + `"}}`}, goesOn},
		{"a second init", ours, []string{initMessage, initMessage}, 4429},
		{"a second init with other words", ours, []string{initMessage, `{"type":"connection_init"}`}, 4429},
		{"no JSON", ours, []string{initMessage, `x`}, 4400},
		{"no JSON before the init", ours, []string{`x`}, 4400},
		{"nothing", ours, []string{initMessage, ``}, 4400},
		{"a list", ours, []string{initMessage, `[]`}, 4400},
		{"a number", ours, []string{initMessage, `5`}, 4400},
		{"a text", ours, []string{initMessage, `"ping"`}, 4400},
		{"null", ours, []string{initMessage, `null`}, 4400},
		{"two objects", ours, []string{initMessage, `{"type":"ping"}{"type":"ping"}`}, 4400},
		{"no type", ours, []string{initMessage, `{}`}, 4400},
		{"an unknown type", ours, []string{initMessage, `{"type":"hello"}`}, 4400},
		{"a type in capitals", ours, []string{initMessage, `{"type":"PING"}`}, 4400},
		{"a type of the legacy protocol", ours, []string{initMessage, `{"type":"start","id":"1","payload":{"query":"{ a }"}}`}, 4400},
		{"a type of the server's", ours, []string{initMessage, `{"type":"next","id":"1"}`}, 4400},
		{"a type that is a number", ours, []string{initMessage, `{"type":1}`}, 4400},
		{"a type twice", ours, []string{initMessage, `{"type":"ping","type":"pong"}`}, 4400},
		{"no id", ours, []string{initMessage, `{"type":"subscribe","payload":{"query":"{ __typename }"}}`}, 4400},
		{"an empty id", ours, []string{initMessage, `{"type":"subscribe","id":"","payload":{"query":"{ __typename }"}}`}, 4400},
		{"an id that is a number", ours, []string{initMessage, `{"type":"subscribe","id":1,"payload":{"query":"{ __typename }"}}`}, 4400},
		{"a long id", ours, []string{initMessage, `{"type":"subscribe","id":"` + strings.Repeat("x", 201) + `","payload":{"query":"{ __typename }"}}`}, 4400},
		{"no payload", ours, []string{initMessage, `{"type":"subscribe","id":"1"}`}, 4400},
		{"a payload that is a text", ours, []string{initMessage, `{"type":"subscribe","id":"1","payload":"{ __typename }"}`}, 4400},
		{"a payload that is a list", ours, []string{initMessage, `{"type":"subscribe","id":"1","payload":[{"query":"{ __typename }"}]}`}, 4400},
		{"no query", ours, []string{initMessage, `{"type":"subscribe","id":"1","payload":{}}`}, 4400},
		{"a query that is a number", ours, []string{initMessage, `{"type":"subscribe","id":"1","payload":{"query":1}}`}, 4400},
		{"variables that are a list", ours, []string{initMessage, `{"type":"subscribe","id":"1","payload":{"query":"{ __typename }","variables":[]}}`}, 4400},
		{"a variable twice", ours, []string{initMessage, `{"type":"subscribe","id":"1","payload":{"query":"{ __typename }","variables":{"a":1,"a":2}}}`}, 4400},
		{"deep variables", ours, []string{initMessage, `{"type":"subscribe","id":"1","payload":{"query":"{ __typename }","variables":{"a":` + deep + `}}}`}, 4400},
		{"extensions that are a text", ours, []string{initMessage, `{"type":"subscribe","id":"1","payload":{"query":"{ __typename }","extensions":"x"}}`}, 4400},
		{"nulls", ours, []string{initMessage, `{"type":"subscribe","id":"1","payload":{"query":"{ __typename }","operationName":null,"variables":null,"extensions":null}}`}, goesOn},
		{"an id twice", ours, []string{initMessage, subscribeMessage, subscribeMessage}, 4409},
		{"a long id twice", ours, []string{
			initMessage,
			`{"type":"subscribe","id":"` + long + `","payload":{"query":"subscription { chatEvents { cursor } }"}}`,
			`{"type":"subscribe","id":"` + long + `","payload":{"query":"{ __typename }"}}`,
		}, 4409},
		{"an id again after its complete", ours, []string{initMessage, subscribeMessage, `{"type":"complete","id":"1"}`, subscribeMessage}, goesOn},
		{"two ids", ours, []string{initMessage, subscribeMessage, queryMessage}, goesOn},
		{"a complete of nothing", ours, []string{initMessage, `{"type":"complete","id":"9"}`}, goesOn},
		{"a complete without an id", ours, []string{initMessage, `{"type":"complete"}`}, 4400},
		{"a ping with a text", ours, []string{initMessage, `{"type":"ping","payload":"x"}`}, 4400},
		{"a pong with a list", ours, []string{initMessage, `{"type":"pong","payload":[]}`}, 4400},
		{"a pong with an object", ours, []string{initMessage, `{"type":"pong","payload":{"a":1}}`}, goesOn},
		{"a message that is too large", ours, []string{initMessage, `{"type":"ping","payload":{"a":"` + big + `"}}`}, 1009},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			inVirtualTime(t, nil, func(w *world) {
				s, refusal := w.dial(c.protocols, nil)
				if s == nil {
					w.t.Fatalf("refused with %d", refusal.StatusCode)
				}
				go func() {
					for _, message := range c.messages {
						_ = s.conn.Write(w.t.Context(), websocket.MessageText, []byte(message)) // fails once the socket has ended
					}
					if c.code == goesOn {
						_ = s.conn.Write(w.t.Context(), websocket.MessageText, []byte(`{"type":"ping","payload":{"last":true}}`))
					}
				}()
				if c.code == goesOn {
					s.until(`map[payload:map[last:true] type:pong]`)
					return
				}
				code, reason, _ := s.closed()
				if code != c.code || len(reason) > 123 {
					w.t.Errorf("closed with %d %q, want %d", code, reason, c.code)
				}
			})
		})
	}
}

// until reads up to a message, as fmt prints it.
func (c *client) until(message string) {
	c.t.Helper()
	for {
		m, err := c.tryRead()
		if err != nil {
			c.t.Fatalf("waiting for %s: %v", message, err)
		}
		if fmt.Sprint(m) == message {
			return
		}
	}
}

func TestSocketBinaryMessages(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		s := w.join("ann")
		_ = s.conn.Write(w.t.Context(), websocket.MessageBinary, []byte(`{"type":"ping"}`))
		if code, _, _ := s.closed(); code != 4400 {
			w.t.Errorf("closed with %d", code)
		}
	})
}

func TestSocketOrigins(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason, origin string
		admitted       bool
	}{
		{"our own page", "http://chat.example", true},
		{"a listed page", "https://app.example", true},
		{"a foreign page", "https://evil.example", false},
		{"a sandboxed page", "null", false},
	} {
		inVirtualTime(t, func(o *Options) { o.AllowedOrigins = []string{"https://app.example"} }, func(w *world) {
			s, response := w.dial(ours, http.Header{"Origin": {c.origin}})
			if admitted := s != nil; admitted != c.admitted || !admitted && response.StatusCode != http.StatusForbidden {
				w.t.Errorf("%s: %d", c.reason, response.StatusCode)
			}
			if s != nil {
				_ = s.conn.CloseNow()
			}
		})
	}
}

// TestSocketOperations: 190 operations at once: 50 run, 140 are refused one by one, and the socket goes on.
func TestSocketOperations(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		s := w.join("ann")
		go func() {
			for n := range 190 { // within the burst of messages
				s.subscribe(fmt.Sprint(n), `subscription { chatEvents { cursor } }`, nil)
			}
		}()
		for n := MaxOperations; n < 190; n++ {
			m := s.read()
			for m["type"] == "next" { // the beginning of a stream that was let in
				m = s.read()
			}
			if text := fmt.Sprint(m); m["type"] != "error" || m["id"] != fmt.Sprint(n) || !strings.Contains(text, "RATE_LIMITED") || !strings.Contains(text, "retryAfterMs") {
				w.t.Fatalf("operation %d: %v", n, m)
			}
		}
		s.send(`{"type":"complete","id":"7"}`)
		s.subscribe("again", `{ __typename }`, nil)
		s.until(`map[id:again payload:map[data:map[__typename:Query]] type:next]`)
	})
}

func TestSocketMessagesPerSecond(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		s := w.join("ann")
		go func() {
			for range 400 {
				if s.conn.Write(w.t.Context(), websocket.MessageText, []byte(`{"type":"pong"}`)) != nil {
					return
				}
			}
		}()
		if code, _, _ := s.closed(); code != closeTooFast {
			w.t.Errorf("closed with %d", code)
		}
	})
}

// TestSocketPingsPerSecond: those of WebSocket itself count too; each would be answered.
func TestSocketPingsPerSecond(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		s := w.join("ann")
		go func() {
			for range 400 {
				if s.conn.Ping(w.t.Context()) != nil {
					return
				}
			}
		}()
		if code, _, _ := s.closed(); code != closeTooFast {
			w.t.Errorf("closed with %d", code)
		}
	})
}

// TestSocketQueriesAndMutations: one answer and a complete each; what is wrong with the document is an error and no complete,
// and so is a subscription that is refused.
func TestSocketQueriesAndMutations(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		s := w.join("ann")
		for _, c := range []struct {
			document string
			answers  []string
		}{
			{`{ __typename }`, []string{"next", "complete"}},
			{`mutation { createChat(input: {title: "A"}) { chat { title } } }`, []string{"next", "complete"}},
			{`mutation { deleteChat(input: {chatId: "0197c0de-0000-7000-8000-000000000000"}) { deletedChatId } }`, []string{"next", "complete"}},
			{`{ nothing }`, []string{"error"}},
			{`{`, []string{"error"}},
			{`query ($n: Int!) { chats(first: $n) { edges { cursor } } }`, []string{"error"}},
			{`query ($id: ID!) { chat(id: $id) { title } }`, []string{"error"}},
			{`subscription { chatEvents(chatId: "0197c0de-0000-7000-8000-000000000000") { cursor } }`, []string{"error"}},
			{`subscription { chatEvents(after: "nonsense") { cursor } }`, []string{"error"}},
		} {
			s.subscribe("1", c.document, nil)
			for _, want := range c.answers {
				if m := s.read(); m["type"] != want || m["id"] != "1" {
					w.t.Fatalf("%s: %v, want %s", c.document, m, want)
				}
			}
			s.send(`{"type":"ping"}`)
			if m := s.read(); m["type"] != "pong" {
				w.t.Fatalf("%s: then %v", c.document, m)
			}
		}
	})
}

// TestSocketReusedID: the end of an operation whose client was quicker does not end the next one of the same id.
func TestSocketReusedID(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		chat := w.chat()
		s := w.join("ann")
		for range 50 {
			s.subscribe("1", followChat, map[string]any{"chat": chat})
			s.send(`{"type":"complete","id":"1"}`)
		}
		s.subscribe("1", followChat, map[string]any{"chat": chat, "after": place(chat, 1)})
		for {
			m := s.read()
			if m["type"] == "complete" {
				w.t.Fatal("completed, although the client had said so itself")
			}
			if strings.Contains(fmt.Sprint(m), "one") {
				return
			}
		}
	})
}

// TestSocketBrokenText: a message that is not UTF-8 ends the socket, unless it is an operation, which is refused alone.
func TestSocketBrokenText(t *testing.T) {
	t.Parallel()
	for _, message := range []string{
		"\xff", "{\"type\":\"ping\",\"payload\":{\"a\":\"\xff\"}}", "{\"type\":\"pong\",\"payload\":{\"\xc3\":1}}", "{\"type\":\"complete\",\"id\":\"\xed\xa0\x80\"}",
	} {
		inVirtualTime(t, nil, func(w *world) {
			s := w.join("ann")
			s.send(message)
			if code, _, _ := s.closed(); code != closeBadRequest {
				w.t.Errorf("%q: closed with %d", message, code)
			}
		})
	}
	inVirtualTime(t, nil, func(w *world) {
		s := w.join("ann")
		s.send("{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":{\"query\":\"{ chat(id: \\\"\xff\\\") { id } }\"}}")
		if m := s.read(); m["type"] != "error" && m["type"] != "next" || m["id"] != "1" {
			w.t.Errorf("an operation that is not UTF-8 got %v", m)
		}
	})
}
