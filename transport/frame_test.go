package transport

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

func TestPayload(t *testing.T) {
	t.Parallel()
	errors := gqlerror.List{{Message: "no"}}
	for _, c := range []struct {
		reason string
		answer graphql.Response
		want   string
	}{
		{"data", graphql.Response{Data: []byte(`{"a":1}`)}, `{"data":{"a":1}}`},
		{"a request error has no data", graphql.Response{Errors: errors}, `{"errors":[{"message":"no"}]}`},
		{"a failed execution has null", graphql.Response{Errors: errors, Data: []byte(`null`)}, `{"errors":[{"message":"no"}],"data":null}`},
		{"partial data", graphql.Response{Errors: errors, Data: []byte(`{"a":null}`)}, `{"errors":[{"message":"no"}],"data":{"a":null}}`},
		{"nothing at all is still an answer", graphql.Response{}, `{"data":null}`},
		{"extensions", graphql.Response{Data: []byte(`{}`), Extensions: map[string]any{"x": 1}}, `{"data":{},"extensions":{"x":1}}`},
	} {
		if got := string(payload(&c.answer)); got != c.want {
			t.Errorf("%s: %s", c.reason, got)
		}
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	for want, got := range map[string][]byte{
		`{"type":"connection_ack"}`:                              messageAck,
		`{"type":"ping"}`:                                        unframed(framePing),
		`{"type":"next","id":"1","payload":{"data":null}}`:       unframed(frameNext(quote("1"), []byte(`{"data":null}`))),
		`{"type":"complete","id":"a\"b"}`:                        messageComplete(quote(`a"b`)),
		`{"type":"error","id":"1","payload":[{"message":"no"}]}`: messageError(quote("1"), &graphql.Response{Errors: gqlerror.List{{Message: "no"}}}),
		`{"type":"pong","payload":{"tokenExpiresInMs":1}}`:       message("pong", "", []byte(`{"tokenExpiresInMs":1}`)),
	} {
		if string(got) != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// unframed is the message of a small frame.
func unframed(frame []byte) []byte { return frame[2:] }

// FuzzEvent: with any id, operation and payload, a client reads one event with exactly these.
func FuzzEvent(f *testing.F) {
	f.Add("1.1.1", "op", `{"data":{"a":"b"}}`)
	f.Add("1\ndata: evil", "", `{"data":"a"}`)
	f.Add("1\r\n\r\nevent: complete", "x\ny", "{\n  \"data\": \"\\n\"\r\n}")
	f.Add("\x00", "\r", "null")
	f.Add("", "\u2028", `"\u2028"`)
	f.Fuzz(func(t *testing.T, id, operation, text string) {
		var compact bytes.Buffer
		if json.Compact(&compact, []byte(text)) != nil || compact.Len() == 0 {
			return // the executor renders JSON
		}
		var got []sse
		quoted := quote(operation)
		if operation == "" {
			quoted = ""
		}
		raw := eventNext(quoted, []byte(text), id)
		if err := readSSE(bytes.NewReader(bytes.ReplaceAll(raw, []byte("\r"), []byte("\n"))), func(e sse) bool { got = append(got, e); return true }); err != nil || len(got) != 1 || got[0].name != "next" {
			t.Fatalf("%q is read as %+v, %v", raw, got, err)
		}
		wantID := id
		if strings.ContainsAny(id, "\r\n\x00") {
			wantID = ""
		}
		if got[0].id != wantID && strings.TrimPrefix(wantID, " ") != got[0].id {
			t.Fatalf("%q: the id is read as %q", raw, got[0].id)
		}
		data := got[0].data
		if operation != "" {
			var named struct {
				ID      string          `json:"id"`
				Payload json.RawMessage `json:"payload"`
			}
			if err := json.Unmarshal([]byte(data), &named); err != nil || named.ID != strings.ToValidUTF8(operation, "\ufffd") && named.ID == "" {
				t.Fatalf("%q: %+v, %v", raw, named, err)
			}
			data = string(named.Payload)
		}
		var again bytes.Buffer
		if json.Compact(&again, []byte(data)) != nil || again.String() != compact.String() {
			t.Fatalf("%q: the payload is read as %q", raw, data)
		}
	})
}
