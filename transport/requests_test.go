package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"studychat/db"
	"studychat/graph/outcome"
)

// gone is a database whose lists take their time and then fail.
type gone struct {
	db.Repository

	after time.Duration
	err   error
}

func (g gone) Chats(ctx context.Context, viewer string, module *string, page db.Page) (*db.ChatList, error) {
	if !sleep(ctx, g.after) {
		return nil, ctx.Err()
	}
	if g.err != nil {
		return nil, g.err
	}
	return g.Repository.Chats(ctx, viewer, module, page)
}

// over runs a test in a world with that database.
func over(t *testing.T, after time.Duration, err error, test func(w *world)) {
	t.Helper()
	overRepository(t, func(repo db.Repository) db.Repository { return gone{repo, after, err} }, nil, test)
}

const threeLists = `query Three { a: chats(first: 1) { __typename } b: chats(first: 2) { __typename } c: chats(first: 3) { __typename } }`

var errAway = db.Unavailable(errors.New("connection refused"))

// TestStormOfFailures: a database that is away costs one line per request at most, and few in a storm; they say how many are missing.
func TestStormOfFailures(t *testing.T) {
	t.Parallel()
	over(t, 0, errAway, func(w *world) {
		w.do(w.request("POST", "/graphql", query(threeLists, nil), "X-Request-Id", "request-of-ann"))
		if w.log.lines("request-of-ann") != 1 || w.log.lines("errors=3") != 1 || w.log.lines("connection refused") != 1 {
			w.t.Errorf("not one line about three fields of one request: %s", w.log.text())
		}
		for range 521 {
			w.do(w.request("POST", "/graphql", query(threeLists, nil)))
		}
		if n := w.log.lines("connection refused"); n > 10 {
			w.t.Errorf("%d lines for 522 requests", n)
		}
		<-time.After(10 * time.Second)
		w.do(w.request("POST", "/graphql", query(threeLists, nil)))
		if w.log.lines("leftOut=512") != 1 {
			w.t.Errorf("no line says how many were left out: %s", w.log.text())
		}
	})
}

var requestIDs = regexp.MustCompile(`"requestId":"([^"]+)"`)

// TestErrorsNameTheirRequest, on every transport, also if the client made the mistake. Each operation on a socket has an id of its own.
func TestErrorsNameTheirRequest(t *testing.T) {
	t.Parallel()
	over(t, 0, errAway, func(w *world) {
		for _, c := range []struct{ reason, method, body, accept string }{
			{"a dependency", "POST", query(threeLists, nil), mediaGraphQL},
			{"bad input", "POST", query(`{ chat(id: "x") { id } }`, nil), mediaGraphQL},
			{"not a document", "POST", query(`{`, nil), mediaGraphQL},
			{"a bad variable", "POST", query(`query ($n: Int!) { chats(first: $n) { __typename } }`, map[string]any{"n": "x"}), mediaGraphQL},
			{"not JSON", "POST", `{`, mediaGraphQL},
			{"a method", "DELETE", "", mediaGraphQL},
			{"an event stream", "POST", query(threeLists, nil), mediaEvents},
		} {
			r := w.request(c.method, "/graphql", c.body, "Accept", c.accept, "X-Request-Id", "mine")
			response, answer := w.do(r)
			ids := requestIDs.FindAllString(answer, -1)
			if len(ids) == 0 || ids[0] != `"requestId":"mine"` || response.Header.Get("X-Request-Id") != "mine" {
				w.t.Errorf("%s: %v %s", c.reason, response.Header, answer)
			}
		}
		s, seen := w.join("ann"), map[string]bool{}
		for n, document := range []string{threeLists, threeLists, `{`, `{ chat(id: "x") { id } }`} {
			s.subscribe(fmt.Sprint(n), document, nil)
			answer := string(encode(s.read()))
			id := requestIDs.FindStringSubmatch(answer)
			if id == nil || seen[id[1]] {
				w.t.Errorf("%s: %s", document, answer)
				continue
			}
			seen[id[1]] = true
			if document == threeLists {
				if w.log.lines(id[1]) != 1 {
					w.t.Errorf("not one line with %s: %s", id[1], w.log.text())
				}
				s.read() // complete
			}
		}
	})
}

// TestBadRequestIDs are not repeated: the server takes one of its own.
func TestBadRequestIDs(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		for _, id := range []string{"", "a b", strings.Repeat("x", 129), "ü"} {
			response, answer := w.do(w.request("POST", "/graphql", query(`{`, nil), "X-Request-Id", id))
			if got := response.Header.Get("X-Request-Id"); len(got) != 36 || !strings.Contains(answer, got) {
				w.t.Errorf("%q: %q %s", id, got, answer)
			}
		}
	})
}

// TestSlowOperations leave a line, with what finds their user and their trace, but not the user.
func TestSlowOperations(t *testing.T) {
	t.Parallel()
	const trace = "0af7651916cd43dd8448eb211c80319c"
	over(t, 2300*time.Millisecond, nil, func(w *world) {
		name := strings.Repeat("Name", 20)
		document := query(`query `+name+` { chats(first: 1) { __typename } }`, nil)
		w.do(w.request("POST", "/graphql", document, "X-Request-Id", "mine", "Traceparent", "00-"+trace+"-b7ad6b7169203331-01"))
		for _, word := range []string{
			"level=INFO msg=\"a slow operation\"", "type=query", "operation=" + name[:64] + " ", "transport=http", "code=OK", "status=200",
			"user=" + outcome.Hash("ann"), "duration_ms=2300", "requestId=mine", "traceId=" + trace,
		} {
			if w.log.lines(word) != 1 {
				w.t.Errorf("not one line with %s: %s", word, w.log.text())
			}
		}
		if w.log.lines("ann") > 0 {
			w.t.Errorf("the log names the user: %s", w.log.text())
		}
		w.do(w.request("POST", "/graphql", query(`{ __typename }`, nil)))
		w.do(w.request("POST", "/graphql", document, "Accept", mediaEvents))
		s := w.join("ann")
		s.subscribe("1", `query OnASocket { chats(first: 1) { __typename } }`, nil)
		s.read()
		if w.log.lines("slow") != 3 || w.log.lines("transport=sse") != 1 || w.log.lines("operation=OnASocket transport=websocket") != 1 {
			w.t.Errorf("after three slow ones: %s", w.log.text())
		}
	})
	over(t, 1200*time.Millisecond, errAway, func(w *world) {
		response, _ := w.do(w.request("POST", "/graphql", query(`query Q { chats(first: 1) { __typename } }`, nil), "Accept", mediaGraphQL))
		if response.StatusCode != http.StatusOK || w.log.lines("operation=Q") != 1 || w.log.lines("status=200") != 1 || w.log.lines("duration_ms=1200") != 1 {
			w.t.Errorf("%d, not one line for a slow failure: %s", response.StatusCode, w.log.text())
		}
	})
}
