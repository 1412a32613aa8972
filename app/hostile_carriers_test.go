package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"studychat/test/hostile"
)

const (
	typeJSON    = "application/json"
	typeGraphQL = "application/graphql-response+json"
	typeEvents  = "text/event-stream"
)

// reply is the result of one request over any carrier.
type reply struct {
	status   int    // of HTTP, or the close code of the socket; 0: the socket stays open
	code     string // of the first error, "" without any
	messages string // of all errors, without JSON's escapes
	hasData  bool
	raw      string
}

// carrier is one way to send requests. close ends its open connections: a socket without a reader does not answer
// pings.
type carrier struct {
	name  string
	send  func(t *testing.T, i *instance, body []byte) reply
	close func()
}

func carriers() []carrier {
	var socket line
	nothing := func() {}
	return []carrier{
		{"POST, JSON", func(t *testing.T, i *instance, body []byte) reply { return i.post(t, typeJSON, body) }, nothing},
		{"POST, GraphQL", func(t *testing.T, i *instance, body []byte) reply { return i.post(t, typeGraphQL, body) }, nothing},
		{"SSE", func(t *testing.T, i *instance, body []byte) reply { return i.post(t, typeEvents, body) }, nothing},
		{"WebSocket", socket.send, socket.close},
	}
}

// post sends a body unchanged.
func (i *instance) post(t *testing.T, accept string, body []byte) reply {
	t.Helper()
	return i.fetch(t, http.MethodPost, "/graphql", accept, bytes.NewReader(body))
}

func (i *instance) fetch(t *testing.T, method, path, accept string, body io.Reader) reply {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitLong)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, i.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", typeJSON)
	request.Header.Set("GraphQL-Preflight", "1")
	request.Header.Set("Accept", accept)
	if i.token != "" {
		request.Header.Set("Authorization", "Bearer "+i.token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	answer := string(raw)
	if strings.HasPrefix(response.Header.Get("Content-Type"), typeEvents) {
		_, rest, _ := strings.Cut(answer, "event: next\ndata: ")
		var ended bool
		if answer, _, ended = strings.Cut(rest, "\n"); !ended || !strings.HasSuffix(rest, "\n\nevent: complete\ndata: \n\n") {
			t.Errorf("the stream does not end in order: %.300q", raw)
		}
	}
	out := readReply(answer)
	out.status, out.raw = response.StatusCode, string(raw)
	return out
}

// readReply reads a GraphQL answer. Anything else has no code.
func readReply(answer string) (out reply) {
	var a struct {
		Data   json.RawMessage
		Errors []struct {
			Message    string
			Extensions map[string]any
		}
	}
	_ = json.Unmarshal([]byte(answer), &a)
	out.hasData = a.Data != nil
	for n, e := range a.Errors {
		if n == 0 {
			out.code, _ = e.Extensions["code"].(string)
		}
		out.messages += e.Message + "\n"
	}
	return out
}

// line sends requests over one socket, and opens another one after a close.
type line struct{ conn *socket }

func (l *line) close() {
	if l.conn != nil {
		_ = l.conn.conn.Close(websocket.StatusNormalClosure, "")
		l.conn = nil
	}
}

func (l *line) send(t *testing.T, i *instance, body []byte) reply {
	t.Helper()
	if len(body) > 1<<19 {
		l.close() // the first request is not slowed down
	}
	if l.conn == nil {
		l.conn = i.dial("graphql-transport-ws")
		init := map[string]any{}
		if i.token != "" {
			init["Authorization"] = "Bearer " + i.token
		}
		l.conn.write("connection_init", "", init)
		l.conn.conn.SetReadLimit(1 << 20) // a legitimate answer may be that large
		if f := l.conn.read(); f.Type != "connection_ack" {
			t.Fatalf("got %+v, want connection_ack", f)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), waitLong)
	defer cancel()
	_ = l.conn.conn.Write(ctx, websocket.MessageText, envelope(body)) // fails when the server closes before it has read everything
	out, going := l.conn.reply()
	if !going {
		l.conn = nil
	}
	return out
}

func envelope(body []byte) []byte {
	return slices.Concat([]byte(`{"type":"subscribe","id":"1","payload":`), body, []byte("}"))
}

// reply reads to the end of an operation or of the socket.
func (s *socket) reply() (out reply, going bool) {
	s.t.Helper()
	for {
		f, err := s.tryRead()
		switch {
		case err != nil:
			_ = s.conn.CloseNow()
			if closed, ok := errors.AsType[websocket.CloseError](err); ok {
				out.raw, out.messages = closed.Reason, closed.Reason
			}
			out.status = int(websocket.CloseStatus(err))
			return out, false
		case f.Type == "error":
			out = readReply(`{"errors":` + string(f.Payload) + `}`)
			out.raw = string(f.Payload)
			return out, true
		case f.Type == "next":
			out = readReply(string(f.Payload))
			out.raw = string(f.Payload)
		case f.Type == "complete":
			return out, true
		default:
			s.t.Fatalf("got %+v", f)
		}
	}
}

// early holds the documents of the corpus that the transport refuses before the executor.
var early = map[string]string{
	"nothing":                 "a request needs a document",
	"no query":                "a request needs a document",
	"null":                    "a request needs a document",
	"two queries in one body": "two JSON parsers may see different queries",
	"JSON 5,000 deep":         "no input has more than three levels",
	"lists 9,000 deep":        "no input has more than three levels",
}

// expected returns how a carrier must refuse a document.
func (c carrier) expected(d hostile.Document) (status int, code string) {
	refused := d.Malformed || early[d.Name] != ""
	switch {
	case c.name == "WebSocket" && len(envelope(d.Body())) > hostile.MaxBody:
		return int(websocket.StatusMessageTooBig), ""
	case c.name == "WebSocket" && (refused || d.TooMuch):
		return 4400, ""
	case c.name == "WebSocket":
		return 0, d.Code
	case d.TooLarge(), d.TooMuch:
		return http.StatusRequestEntityTooLarge, hostile.BadInput
	case refused:
		return http.StatusBadRequest, hostile.BadInput
	}
	return http.StatusOK, d.Code
}

// check describes what is wrong with a refusal, or returns "".
func (c carrier) check(d hostile.Document, got reply) string {
	status, code := c.expected(d)
	if c.name == "POST, GraphQL" && status == http.StatusOK && !got.hasData {
		status = http.StatusBadRequest // a request error, if the client reads the status
	}
	switch {
	case got.code != code || got.status != status:
		return "it is refused differently"
	case len(got.raw) > 20_000:
		return "the answer is large"
	case echoes(got, d):
		return "the answer contains the request"
	}
	return ""
}

// echoes reports whether the answer contains more than 500 consecutive bytes of the request; less than 250 never count.
// Such a run contains one of the answer's blocks of 250 bytes whole.
func echoes(got reply, d hostile.Document) bool {
	const block = 250
	for _, answer := range []string{got.raw, got.messages} {
		for at := 0; at+block <= len(answer); at += block {
			part := answer[at : at+block]
			if strings.Contains(d.Query, part) || bytes.Contains(d.Body(), []byte(part)) {
				return true
			}
		}
	}
	return false
}
