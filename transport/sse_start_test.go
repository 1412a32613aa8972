package transport

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"studychat/db"
	"studychat/events"
	"studychat/graph"
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

// knowing is a repository that knows everybody, and nothing else.
type knowing struct{ db.Repository }

func (knowing) SawUser(_ context.Context, id string, _ db.Claims) (*db.User, error) {
	return &db.User{ID: id, Name: id}, nil
}

// slowLive is a live path whose database does not answer: no stream begins.
type slowLive struct{ graph.Live }

func (slowLive) Feed(ctx context.Context, _ string, _ *db.FeedCursor) (events.Stream, error) {
	<-ctx.Done()
	return nil, db.Unavailable(ctx.Err())
}

// TestEventsHeadOfASlowStart: the response's head waits for the first frame, but no longer than a heartbeat, and goes also
// when the stream is cut before: an answer that never begins is a 502 to those behind a proxy, and final to an EventSource.
func TestEventsHeadOfASlowStart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason string
		after  time.Duration
		want   string
		error  error
	}{
		{"the database is away", 2 * heartbeat, ":\n\n:\n\n", io.ErrUnexpectedEOF},
		{"a restart before it is back", heartbeat / 2, "retry: 3000\n\n", io.ErrUnexpectedEOF},
	} {
		inVirtualTime(t, func(o *Options) {
			o.Executor = graph.NewExecutor(&graph.Resolver{Repo: knowing{}, Live: slowLive{}, Log: o.Log}, graph.Options{})
		}, func(w *world) {
			began := time.Now()
			go func() {
				<-time.After(c.after + time.Second)
				_ = w.transport.Drain(context.Background())
			}()
			response := w.open(w.request(http.MethodPost, "/graphql", query(`subscription { chatEvents { cursor } }`, nil), "Accept", mediaEvents))
			if waited, want := time.Since(began), min(heartbeat, c.after+time.Second); waited != want {
				t.Errorf("%s: the head came after %s, want %s", c.reason, waited, want)
			}
			body, err := io.ReadAll(response.Body)
			if string(body) != c.want || !errors.Is(err, c.error) {
				t.Errorf("%s: %q, %v", c.reason, body, err)
			}
			synctest.Wait()
		})
	}
}
