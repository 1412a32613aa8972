package transport

import (
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"studychat/transport/stats"
)

// TestOverload: new queries and mutations are refused in the form of their transport, and streams go on. Nothing runs meanwhile.
func TestOverload(t *testing.T) {
	t.Parallel()
	var reads, writes atomic.Bool
	change := func(o *Options) {
		o.Overloaded = func(mutation bool) bool { return reads.Load() || mutation && writes.Load() }
	}
	inVirtualTime(t, change, func(w *world) {
		chat := w.chat()
		rename := query(`mutation ($id: ID!) { renameChat(input: {chatId: $id, title: "not now"}) { chat { id } } }`, map[string]any{"id": chat})
		ask, follow := query(`{ __typename }`, nil), query(followChat, map[string]any{"chat": chat, "after": place(chat, 2)})
		socket, stream := w.join("ann"), w.open(w.request(http.MethodPost, "/graphql", follow, "Accept", mediaEvents))
		socket.subscribe("stream", followChat, map[string]any{"chat": chat, "after": place(chat, 2)})
		socket.read() // StreamStarted

		post := func(body, accept string) (status int, answer string) {
			response, answer := w.do(w.request(http.MethodPost, "/graphql", body, "Accept", accept))
			if wait, _ := strconv.Atoi(response.Header.Get("Retry-After")); response.StatusCode == http.StatusServiceUnavailable && (wait < 1 || wait > 3) {
				w.t.Errorf("Retry-After: %v", response.Header)
			}
			return response.StatusCode, answer
		}
		writes.Store(true)
		if status, answer := post(ask, mediaJSON); status != http.StatusOK || !strings.Contains(answer, "Query") {
			w.t.Errorf("a query while writes wait: %d %s", status, answer)
		}
		if status, answer := post(rename, mediaJSON); status != http.StatusServiceUnavailable {
			w.t.Errorf("a mutation while writes wait: %d %s", status, answer)
		}
		reads.Store(true)
		for _, media := range []string{mediaJSON, mediaGraphQL} {
			if status, answer := post(ask, media); status != http.StatusServiceUnavailable || !strings.Contains(answer, `"code":"UNAVAILABLE"`) || !strings.Contains(answer, "retryAfterMs") {
				w.t.Errorf("%s: %d %s", media, status, answer)
			}
		}
		if _, answer := post(ask, mediaEvents); !strings.Contains(answer, `"code":"UNAVAILABLE"`) {
			w.t.Errorf("an event stream: %s", answer)
		}
		socket.subscribe("query", `{ __typename }`, nil)
		if m := socket.read(); m["type"] != "error" || m["id"] != "query" || !strings.Contains(string(encode(m)), "UNAVAILABLE") {
			w.t.Errorf("a socket: %v", m)
		}
		w.say(chat, "as before") // by another instance
		w.until(stream, "as before")
		if m := socket.read(); !strings.Contains(string(encode(m)), "as before") {
			w.t.Errorf("the socket's stream: %v", m)
		}
		w.until(w.open(w.request(http.MethodPost, "/graphql", follow, "Accept", mediaEvents)), "as before")
		if found, err := w.repo.Chat(w.t.Context(), "ann", chat); err != nil || found.Title != "A chat" {
			w.t.Errorf("a refused mutation ran: %v %v", found, err)
		}
		reads.Store(false)
		writes.Store(false)
		if status, answer := post(rename, mediaJSON); status != http.StatusOK || strings.Contains(answer, "errors") {
			w.t.Errorf("afterwards: %d %s", status, answer)
		}
		shed := w.transport.Stats().Shed.All()
		if shed["query"].Load() != 4 || shed["mutation"].Load() != 1 || w.log.lines("overloaded") != 1 {
			w.t.Errorf("%d queries and %d mutations counted: %s", shed["query"].Load(), shed["mutation"].Load(), w.log.text())
		}
		refused := stats.Operation{Type: "query", Transport: stats.HTTP, Code: "UNAVAILABLE"}
		if n := w.transport.Stats().Operations.Of(refused).Read().Count(); n != 2 {
			w.t.Errorf("%d refused queries over HTTP are counted as operations", n)
		}
	})
}
