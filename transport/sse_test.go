package transport

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// open begins a stream and fails unless it is one.
func (w *world) open(r *http.Request) *http.Response {
	w.t.Helper()
	response, err := w.client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = response.Body.Close() })
	response.Body = lines{bufio.NewReader(response.Body), response.Body}
	if response.StatusCode != http.StatusOK || !strings.HasPrefix(response.Header.Get("Content-Type"), mediaEvents) {
		body, _ := io.ReadAll(response.Body)
		w.t.Fatalf("%s %s: %d %s", r.Method, r.URL, response.StatusCode, body)
	}
	return response
}

// until reads a stream up to an event whose data holds text, and returns it.
func (w *world) until(response *http.Response, text string) sse {
	w.t.Helper()
	var found sse
	err := readSSE(response.Body, func(e sse) bool {
		found = e
		return !strings.Contains(e.data, text)
	})
	if err != nil || !strings.Contains(found.data, text) {
		w.t.Fatalf("waiting for %s: %+v, %v", text, found, err)
	}
	return found
}

// all reads a stream to its end: nil if it ended in order.
func all(response *http.Response) (events []sse, err error) {
	err = readSSE(response.Body, func(e sse) bool {
		events = append(events, e)
		return true
	})
	return events, err
}

func TestEventsInDistinctMode(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/graphql", "/graphql/stream"} {
		inVirtualTime(t, nil, func(w *world) {
			chat := w.chat()
			r := w.request(http.MethodPost, path, query(followChat, map[string]any{"chat": chat, "after": place(chat, 1)}), "Accept", mediaEvents)
			response := w.open(r)
			if e := w.until(response, "MessageSent"); e.name != "next" || !strings.Contains(e.data, `"one"`) || e.id != place(chat, 2) {
				w.t.Errorf("got %+v", e)
			}
			if response.Header.Get("X-Accel-Buffering") != "no" || response.Header.Get("Cache-Control") != "no-store, no-transform" {
				w.t.Errorf("headers: %v", response.Header)
			}
			if _, err := w.repo.DeleteChat(w.t.Context(), "ann", chat); err != nil {
				w.t.Fatal(err)
			}
			events, err := all(response)
			if n := len(events); err != nil || n < 2 || !strings.Contains(events[n-2].data, "ChatDeleted") || events[n-1] != (sse{name: "complete"}) {
				w.t.Errorf("ended with %v, %v", events, err)
			}
		})
	}
}

// TestEventsOfOtherOperations: a query has one event and a complete; what is wrong with the document is told in an event, as
// graphql-sse wants; a missing token is answered with a status.
func TestEventsOfOtherOperations(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		for document, want := range map[string]string{
			`{ __typename }`: `{"data":{"__typename":"Query"}}`,
			`{ nothing }`:    `GRAPHQL_VALIDATION_FAILED`,
			`{`:              `GRAPHQL_PARSE_FAILED`,
			`mutation { createChat(input: {title: " "}) { chat { id } } }`:                                     `BAD_USER_INPUT`,
			`subscription { chatEvents(chatId: "0197c0de-0000-7000-8000-000000000000") { cursor } }`:           `NOT_FOUND`,
			`subscription { chatEvents(chatId: "0197c0de-0000-7000-8000-000000000000", after: 5) { cursor } }`: `GRAPHQL_VALIDATION_FAILED`,
		} {
			events, err := all(w.open(w.request(http.MethodPost, "/graphql", query(document, nil), "Accept", mediaEvents)))
			if err != nil || len(events) != 2 || !strings.Contains(events[0].data, want) || events[1].name != "complete" {
				w.t.Errorf("%s: %v, %v", document, events, err)
			}
		}
		response, body := w.do(w.request(http.MethodPost, "/graphql", query(followChat, nil), "Accept", mediaEvents, "Authorization", "Bearer unasked"))
		if response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "UNAVAILABLE") || response.Header.Get("Retry-After") == "" {
			w.t.Errorf("the provider cannot be asked: %d %s", response.StatusCode, body)
		}
		for _, token := range []string{"", "Bearer bad", "Basic ann"} {
			response, body := w.do(w.request(http.MethodPost, "/graphql", query(followChat, nil), "Accept", mediaEvents, "Authorization", token))
			if response.StatusCode != http.StatusUnauthorized || !strings.Contains(body, "UNAUTHENTICATED") || response.Header.Get("WWW-Authenticate") == "" {
				w.t.Errorf("%q: %d %s", token, response.StatusCode, body)
			}
		}
	})
}

// TestEventSource: what a browser does by itself. The operation is in the URL, each event has its cursor as id, and
// the id that comes back wins over the cursor in the URL.
func TestEventSource(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/graphql", "/graphql/stream"} {
		inVirtualTime(t, nil, func(w *world) {
			chat := w.chat()
			w.say(chat, "two")
			u := path + "?" + url.Values{
				"query":     {`subscription ($chat: ID!) { chatEvents(chatId: $chat, after: "` + place(chat, 0) + `") { ... on MessageSent { message { content } } } }`}, // selects no cursor
				"variables": {string(encode(map[string]any{"chat": chat}))}, "access_token": {"ann"},
			}.Encode()
			response := w.open(w.request(http.MethodGet, u, "", "Accept", mediaEvents, "Authorization", ""))
			if e := w.until(response, "one"); e.id != place(chat, 2) {
				w.t.Errorf("got %+v", e)
			}
			response = w.open(w.request(http.MethodGet, u, "", "Accept", mediaEvents, "Authorization", "", "Last-Event-ID", place(chat, 2)))
			if e := w.until(response, "two"); e.id != place(chat, 3) || !strings.Contains(e.data, "two") {
				w.t.Errorf("after it came back: %+v", e)
			}
		})
	}
}

// TestLastEventIDByPost: a client that follows streams by fetch repeats its request with the id of the last event.
func TestLastEventIDByPost(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/graphql", "/graphql/stream"} {
		inVirtualTime(t, nil, func(w *world) {
			chat := w.chat()
			w.say(chat, "two")
			body := query(followChat, map[string]any{"chat": chat, "after": place(chat, 0)})
			response := w.open(w.request(http.MethodPost, path, body, "Accept", mediaEvents, "Last-Event-ID", place(chat, 2)))
			if e := w.until(response, "two"); e.id != place(chat, 3) || !strings.Contains(e.data, "two") {
				w.t.Errorf("%s: %+v", path, e)
			}
		})
	}
}

// TestNoStreamIsTransformed: a proxy that compresses may not touch a stream, not even one that only says "come back".
func TestNoStreamIsTransformed(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		open := query(`subscription { chatEvents { cursor } }`, nil)
		address := "/graphql/stream?query=" + url.QueryEscape(`subscription { chatEvents { cursor } }`)
		_, token := w.do(w.request(http.MethodPut, "/graphql/stream", ""))
		for reason, r := range map[string]*http.Request{
			"POST":                  w.request(http.MethodPost, "/graphql", open, "Accept", mediaEvents),
			"POST without a token":  w.request(http.MethodPost, "/graphql/stream", open, "Accept", mediaEvents),
			"EventSource":           w.request(http.MethodGet, address, "", "Accept", mediaEvents),
			"a reserved stream":     w.request(http.MethodGet, "/graphql/stream?token="+token, "", "Accept", mediaEvents),
			"told to come back":     w.request(http.MethodGet, address, "", "Accept", mediaEvents, "Authorization", "Bearer unasked"),
			"an operation and over": w.request(http.MethodPost, "/graphql", query(`{ __typename }`, nil), "Accept", mediaEvents),
		} {
			response := w.open(r)
			if got := response.Header.Get("Cache-Control"); got != "no-store, no-transform" {
				w.t.Errorf("%s: Cache-Control: %q", reason, got)
			}
			_ = response.Body.Close()
		}
	})
}

func TestEventSourceIsRefused(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		subscription := url.QueryEscape(`subscription { chatEvents { cursor } }`)
		for _, c := range []struct {
			reason, query string
			header        []string
			status        int
			says          string
		}{
			{"no token", "query=" + subscription, nil, http.StatusUnauthorized, "UNAUTHENTICATED"},
			{"a bad token", "access_token=bad&query=" + subscription, nil, http.StatusUnauthorized, "UNAUTHENTICATED"},
			{"a foreign page", "access_token=ann&query=" + subscription, []string{"Origin", "https://evil.example"}, http.StatusForbidden, "FORBIDDEN"},
			{"a foreign page that will not read the answer", "access_token=ann&query=" + subscription, []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden, "FORBIDDEN"},
			{"no operation", "access_token=ann", nil, http.StatusBadRequest, "BAD_USER_INPUT"},
			{"variables that are no JSON", "access_token=ann&variables=x&query=" + subscription, nil, http.StatusBadRequest, "BAD_USER_INPUT"},
			{"a mutation", "access_token=ann&query=" + url.QueryEscape(`mutation { clearChats { deletedChatIds } }`), nil, http.StatusOK, "may not mutate"},
			{"a cursor of another chat's epoch that is no cursor", "access_token=ann&query=" + subscription, []string{"Last-Event-ID", "x\u00a0y"}, http.StatusOK, "BAD_USER_INPUT"},
		} {
			header := append([]string{"Accept", mediaEvents, "Authorization", ""}, c.header...)
			response, body := w.do(w.request(http.MethodGet, "/graphql/stream?"+c.query, "", header...))
			if response.StatusCode != c.status || !strings.Contains(body, c.says) {
				w.t.Errorf("%s: %d %s", c.reason, response.StatusCode, body)
			}
		}
	})
}

func TestEventsHeartbeat(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		response := w.open(w.request(http.MethodPost, "/graphql", query(`subscription { chatEvents { cursor } }`, nil), "Accept", mediaEvents))
		began := time.Now()
		if begin := firstLines(w.t, response, 6); !strings.HasPrefix(begin, "id: 2.1.t") || !strings.Contains(begin, "data: ") { // the id, and StreamStarted
			w.t.Errorf("begins with %q", begin)
		}
		got := make([]byte, 2*len(heartbeatComment))
		if _, err := io.ReadFull(response.Body, got); err != nil || strings.Trim(string(got), ":\n") != "" || time.Since(began) != 2*heartbeat {
			w.t.Errorf("%q, %v after %s", got, err, time.Since(began))
		}
	})
}

// TestEventsAreCut: the end of the token, a restart and a stalled client abort the stream; no client is told that it is
// complete.
func TestEventsAreCut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason, token string
		do            func(w *world, chat string)
	}{
		{"the token ends", "Bearer ann@30", func(*world, string) {}},
		{"a restart", "Bearer ann", func(w *world, _ string) { _ = w.transport.Drain(w.t.Context()) }},
		{"the hub stops", "Bearer ann", func(w *world, _ string) { w.hub.Stop() }},
	} {
		inVirtualTime(t, nil, func(w *world) {
			chat := w.chat()
			response := w.open(w.request(http.MethodPost, "/graphql", query(followChat, map[string]any{"chat": chat, "after": place(chat, 2)}), "Accept", mediaEvents, "Authorization", c.token))
			synctest.Wait()
			go c.do(w, chat)
			events, err := all(response)
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				w.t.Errorf("%s: ended with %v", c.reason, err)
			}
			for _, e := range events {
				if e.name == "complete" {
					w.t.Errorf("%s: told complete", c.reason)
				}
			}
		})
	}
}

// TestEventsStalledReader: a client that stops reading is disconnected within 12 s, and does not slow others down.
func TestEventsStalledReader(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		chat := w.chat()
		r := w.request(http.MethodPost, "/graphql", query(followChat, map[string]any{"chat": chat, "after": place(chat, 2)}), "Accept", mediaEvents)
		stalled := w.open(r)
		for n := range 70 {
			w.say(chat, strings.Repeat("x", 10_000)+fmt.Sprint(n))
			<-time.After(200 * time.Millisecond)
		}
		synctest.Wait()
		if w.online(chat) {
			w.t.Error("ann still follows the chat 14 s later")
		}
		if _, err := all(stalled); !errors.Is(err, io.ErrUnexpectedEOF) {
			w.t.Errorf("ended with %v", err)
		}
	})
}

// TestEventsClientLeaves: the operation ends with its reader.
func TestEventsClientLeaves(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		chat := w.chat()
		response := w.open(w.request(http.MethodPost, "/graphql", query(followChat, map[string]any{"chat": chat}), "Accept", mediaEvents))
		synctest.Wait()
		_ = response.Body.Close()
		<-time.After(time.Second)
		synctest.Wait()
		if w.online(chat) {
			w.t.Error("ann still follows the chat")
		}
	})
}

// TestEventSourceComesBack: a browser's EventSource gives up for good on any status but 200, so what will pass begins as a
// stream and breaks. Behind a proxy as well, which makes a 502 of an answer that never begins.
func TestEventSourceComesBack(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		target, err := url.Parse("http://chat.example")
		if err != nil {
			w.t.Fatal(err)
		}
		proxy := httputil.NewSingleHostReverseProxy(target)
		proxy.Transport = w.client.Transport
		proxy.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelWarn)
		open := func(token string) (status int, body string, broken bool) {
			u := "/graphql/stream?access_token=" + token + "&query=" + url.QueryEscape(`subscription { chatEvents { cursor } }`)
			answer := httptest.NewRecorder()
			defer func() {
				err, _ := recover().(error)
				broken = errors.Is(err, http.ErrAbortHandler) // the proxy passes on that the answer broke off
				status, body = answer.Code, answer.Body.String()
			}()
			r := w.request(http.MethodGet, u, "", "Accept", mediaEvents, "Authorization", "")
			proxy.ServeHTTP(answer, r.WithContext(context.WithValue(r.Context(), http.ServerContextKey, w.server))) // or it hides the break
			return
		}
		if status, body, broken := open("unasked"); status != http.StatusOK || body != "retry: 3000\n\n" || !broken {
			w.t.Errorf("the provider cannot be asked: %d %q, broken off: %t", status, body, broken)
		}
		if status, body, broken := open("bad"); status != http.StatusUnauthorized || broken {
			w.t.Errorf("a bad token: %d %q, broken off: %t", status, body, broken)
		}
		if err := w.transport.Drain(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		if status, body, broken := open("ann"); status != http.StatusOK || body != "retry: 3000\n\n" || !broken {
			w.t.Errorf("stopping: %d %q, broken off: %t", status, body, broken)
		}
		response, _ := w.do(w.request(http.MethodPost, "/graphql", query(followChat, nil), "Accept", mediaEvents))
		if response.StatusCode != http.StatusServiceUnavailable {
			w.t.Errorf("stopping, by POST: %d", response.StatusCode)
		}
	})
}
