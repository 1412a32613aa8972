package transport

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"studychat/db"
)

// firstLines reads the first n lines of a stream, byte by byte, so that the rest can still be read.
func firstLines(t *testing.T, response *http.Response, n int) string {
	t.Helper()
	var got strings.Builder
	for b := make([]byte, 1); strings.Count(got.String(), "\n") < n; {
		if _, err := io.ReadFull(response.Body, b); err != nil {
			t.Fatalf("after %q: %v", got.String(), err)
		}
		got.Write(b)
	}
	return got.String()
}

// TestEventsBeginWithAnID: a stream that is cut before its first event says from where it goes on, and what happens until
// its client comes back is not lost. By GET and by POST, for a chat and for the feed.
func TestEventsBeginWithAnID(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		for _, document := range []string{
			`subscription ($chat: ID!) { chatEvents(chatId: $chat) { ... on MessageSent { message { content } } } }`,
			`subscription { chatEvents { ... on MessageSent { message { content } } } }`,
		} {
			inVirtualTime(t, nil, func(w *world) {
				chat := w.chat()
				<-time.After(time.Hour) // what is older than the feed's overlap is not told again
				open := func(header ...string) *http.Response {
					header = append(header, "Accept", mediaEvents)
					if method == http.MethodPost {
						return w.open(w.request(method, "/graphql", query(document, map[string]any{"chat": chat}), header...))
					}
					u := url.Values{"query": {document}, "variables": {string(encode(map[string]any{"chat": chat}))}}
					return w.open(w.request(method, "/graphql?"+u.Encode(), "", header...))
				}
				response := open()
				id, ok := strings.CutPrefix(firstLines(t, response, 2), "id: ")
				if !ok || !strings.HasSuffix(id, "\n\n") || strings.Count(id, "\n") != 2 {
					t.Fatalf("%s %s begins with %q", method, document, id)
				}
				_ = response.Body.Close() // cut right after it
				w.say(chat, "meanwhile")
				response = open("Last-Event-ID", strings.TrimSpace(id))
				if again := firstLines(t, response, 2); again != "id: "+id {
					t.Errorf("%s %s: comes back to %q, not to %q", method, document, again, id)
				}
				if e := w.until(response, "content"); !strings.Contains(e.data, "meanwhile") {
					t.Errorf("%s %s: got %+v", method, document, e)
				}
			})
		}
	}
}

// TestOtherEventsHaveNoID: only a subscription that runs has a place to come back to.
func TestOtherEventsHaveNoID(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		for _, document := range []string{`{ __typename }`, `{ nothing }`, `subscription { chatEvents(after: "x") { cursor } }`} {
			response := w.open(w.request(http.MethodPost, "/graphql", query(document, nil), "Accept", mediaEvents))
			if first := firstLines(t, response, 1); first != "event: next\n" {
				t.Errorf("%s begins with %q", document, first)
			}
		}
	})
}

// TestAnEmptyCursorIsNone: clients send back what an empty page gave them.
func TestAnEmptyCursorIsNone(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		chat := w.chat()
		response := w.open(w.request(http.MethodPost, "/graphql", query(followChat, map[string]any{"chat": chat, "after": ""}), "Accept", mediaEvents, "Last-Event-ID", ""))
		if first := firstLines(t, response, 2); first != "id: "+place(chat, 2)+"\n\n" {
			t.Errorf("begins with %q", first)
		}
	})
}

// TestEventsHeadWaitsForAPlace: an instance that stops sends away a client that waits for a place: by a status, or, since an
// EventSource would take that for final, by a stream that begins and breaks.
func TestEventsHeadWaitsForAPlace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method, body string
		status       int
		error        error
	}{
		{http.MethodPost, "This instance is stopping.", http.StatusServiceUnavailable, nil},
		{http.MethodGet, "retry: 3000\n\n", http.StatusOK, io.ErrUnexpectedEOF},
	} {
		duringOutages(t, func(w *world, begin func(time.Duration)) {
			begin(time.Minute)
			began := time.Now()
			time.AfterFunc(heartbeat+time.Second, func() { _ = w.transport.Drain(context.Background()) })
			r := w.request(http.MethodPost, "/graphql", query(feedNow, nil), "Accept", mediaEvents)
			if c.method == http.MethodGet {
				r = w.request(http.MethodGet, "/graphql?query="+url.QueryEscape(feedNow), "", "Accept", mediaEvents)
			}
			response, err := w.client.Do(r)
			if err != nil {
				w.t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			if took := time.Since(began); took < heartbeat+time.Second {
				w.t.Errorf("%s: the head came after %s, with no place", c.method, took)
			}
			if response.StatusCode != c.status || !strings.Contains(string(body), c.body) || !errors.Is(err, c.error) {
				w.t.Errorf("%s: %d %q, %v", c.method, response.StatusCode, body, err)
			}
		})
	}
}

// slowChats is a repository that takes its time for a chat.
type slowChats struct{ db.Repository }

func (r slowChats) Chat(ctx context.Context, viewer, id string) (*db.Chat, error) {
	if !sleep(ctx, heartbeat+startTimeout/2) {
		return nil, ctx.Err()
	}
	return r.Repository.Chat(ctx, viewer, id)
}

// TestEventsOfASlowQuery: a query has no place to wait for, so the head goes with the first heartbeat.
func TestEventsOfASlowQuery(t *testing.T) {
	t.Parallel()
	wrap := func(repo db.Repository) db.Repository { return slowChats{repo} }
	overRepository(t, wrap, nil, func(w *world) {
		document := `query ($chat: ID!) { chat(id: $chat) { title } }`
		began := time.Now()
		response := w.open(w.request(http.MethodPost, "/graphql", query(document, map[string]any{"chat": w.chat()}), "Accept", mediaEvents))
		if took := time.Since(began); took != heartbeat {
			w.t.Errorf("the head came after %s", took)
		}
		body, err := io.ReadAll(response.Body)
		if !strings.HasPrefix(string(body), ":\n\nevent: next\n") || !strings.Contains(string(body), "A chat") || err != nil {
			w.t.Errorf("%q, %v", body, err)
		}
	})
}
