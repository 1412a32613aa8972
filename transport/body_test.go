package transport

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestReadBody(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason, kind, body string
		status             int // 0: taken
	}{
		{"good", "application/json", `{"query":"{ a }"}`, 0},
		{"good, with a charset", "application/json; charset=utf-8", `{"query":"{ a }","variables":{"x":1}}`, 0},
		{"as large as may be", "application/json", `{"query":"` + strings.Repeat("x", MaxBody-12) + `"}`, 0},
		{"a byte too large", "application/json", `{"query":"` + strings.Repeat("x", MaxBody-11) + `"}`, http.StatusRequestEntityTooLarge},
		{"a form, which needs no preflight", "application/x-www-form-urlencoded", `query={a}`, http.StatusUnsupportedMediaType},
		{"text, which needs no preflight", "text/plain", `{"query":"{ a }"}`, http.StatusUnsupportedMediaType},
		{"no content type", "", `{"query":"{ a }"}`, http.StatusUnsupportedMediaType},
		{"empty", "application/json", ``, http.StatusBadRequest},
		{"no JSON", "application/json", `{query: a}`, http.StatusBadRequest},
		{"a list", "application/json", `[{"query":"{ a }"}]`, http.StatusBadRequest},
		{"a text", "application/json", `"query"`, http.StatusBadRequest},
		{"two objects", "application/json", `{"query":"{ a }"}{"query":"{ b }"}`, http.StatusBadRequest},
		{"variables that are a list", "application/json", `{"query":"{ a }","variables":[1]}`, http.StatusBadRequest},
		{"deep nesting", "application/json", `{"variables":` + strings.Repeat("[", 60_000), http.StatusBadRequest},
	} {
		r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.kind)
		bad := readBody(httptest.NewRecorder(), r)
		switch {
		case c.status == 0 && bad != nil:
			t.Errorf("%s: refused with %d %s", c.reason, bad.status, bad.message)
		case c.status != 0 && (bad == nil || bad.status != c.status):
			t.Errorf("%s: got %+v, want %d", c.reason, bad, c.status)
		}
	}
}

func TestWantsEvents(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason, accept string
		events         bool
	}{
		{"graphql-sse", "text/event-stream", true},
		{"nothing", "", false},
		{"anything", "*/*", false},
		{"a plain client", "application/json", false},
		{"urql's queries", "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed", false},
		{"urql's subscriptions", "text/event-stream, multipart/mixed", true},
		{"events first", "text/event-stream, application/json", true},
		{"events rather", "application/json;q=0.5, text/event-stream;q=0.9", true},
		{"events if need be", "text/event-stream;q=0.1, application/json", false},
		{"events refused", "text/event-stream;q=0", false},
		{"no number", "text/event-stream;q=x", false},
	} {
		r := httptest.NewRequest(http.MethodPost, "/graphql", http.NoBody)
		r.Header.Set("Accept", c.accept)
		if got := wantsEvents(r); got != c.events {
			t.Errorf("%s: %t", c.reason, got)
		}
	}
}

func TestShowBrokenUTF8(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"plain, é, 🎓", "plain, é, 🎓"},
		{"\ufffd typed by somebody", "\ufffd typed by somebody"},
		{"a\xffb", `a\u0000b`},
		{"a\xe2\x82", `a\u0000\u0000`},
		{"\xed\xa0\x80", `\u0000\u0000\u0000`}, // a surrogate
		{"\xc0\xaf", `\u0000\u0000`},           // an overlong slash
		{`a\ud800b`, `a\u0000b`},               // the first half of a pair
		{`a\udc00`, `a\u0000`},                 // the second half
		{`\uD83C\uDF93`, `\uD83C\uDF93`},       // a pair
		{`\ud800\ud800`, `\u0000\u0000`},       // two first halves
		{`\ud83c\u0041`, `\u0000\u0041`},       // a first half and a letter
		{`\\ud800`, `\\ud800`},                 // an escaped backslash, then letters
		{`\ud80`, `\ud80`},                     // cut off: no JSON anyway
		{`\`, `\`},
	} {
		if got := string(showBrokenUTF8([]byte(c.in))); got != c.want {
			t.Errorf("%q: got %q, want %q", c.in, got, c.want)
		}
	}
}

// FuzzShowBrokenUTF8: the result is valid UTF-8, valid input is untouched, and a JSON text that held broken bytes decodes
// to a text with a NUL in it, which every field's check refuses.
func FuzzShowBrokenUTF8(f *testing.F) {
	for _, seed := range []string{"", "é", "a\xffb", "\xe2\x82", "\xf0\x9f\x8e"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		out := showBrokenUTF8(in)
		if !utf8.Valid(out) {
			t.Fatalf("%q became %q", in, out)
		}
		if utf8.Valid(in) {
			if string(in) != string(out) {
				t.Fatalf("%q was changed to %q", in, out)
			}
			return
		}
		var text string
		body := append(append([]byte{'"'}, in...), '"')
		if json.Unmarshal(showBrokenUTF8(body), &text) == nil && !strings.Contains(text, "\x00") {
			t.Fatalf("%q decodes to %q, which hides that it was broken", in, text)
		}
	})
}
