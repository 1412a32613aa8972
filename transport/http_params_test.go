package transport

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"studychat/transport/params"
)

// reader is a transport that is only asked to read.
func reader() *Transport {
	return New(Options{Pages: http.NotFoundHandler(), Log: slog.New(slog.DiscardHandler)})
}

func TestReadParams(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason, kind, body string
		status             int // 0: taken
	}{
		{"good", "application/json", `{"query":"{ a }"}`, 0},
		{"good, with a charset", "application/json; charset=utf-8", `{"query":"{ a }","variables":{"x":1}}`, 0},
		{"as large as may be", "application/json", `{"query":"` + strings.Repeat("x", MaxBody-12) + `"}`, 0},
		{"a byte too large", "application/json", `{"query":"` + strings.Repeat("x", MaxBody-11) + `"}`, http.StatusRequestEntityTooLarge},
		{"as much besides texts as may be", "application/json", `{"query":"` + strings.Repeat("x", 200_000) + `"` + strings.Repeat(" ", smallBody-7) + `}`, 0},
		{"a byte more besides texts", "application/json", `{"query":"` + strings.Repeat("x", 200_000) + `"` + strings.Repeat(" ", smallBody-6) + `}`, http.StatusRequestEntityTooLarge},
		{"a long list", "application/json", `{"query":"{ a }","variables":{"x":[` + strings.Repeat("1,", smallBody/2) + `1]}}`, http.StatusRequestEntityTooLarge},
		{"many keys", "application/json", `{"query":"{ a }","variables":{` + manyKeys(30_000) + `"x":1}}`, http.StatusRequestEntityTooLarge},
		{"a form, which needs no preflight", "application/x-www-form-urlencoded", `query={a}`, http.StatusUnsupportedMediaType},
		{"text, which needs no preflight", "text/plain", `{"query":"{ a }"}`, http.StatusUnsupportedMediaType},
		{"no content type", "", `{"query":"{ a }"}`, http.StatusUnsupportedMediaType},
		{"empty", "application/json", ``, http.StatusBadRequest},
		{"no JSON", "application/json", `{query: a}`, http.StatusBadRequest},
		{"a list", "application/json", `[{"query":"{ a }"}]`, http.StatusBadRequest},
		{"a text", "application/json", `"query"`, http.StatusBadRequest},
		{"two objects", "application/json", `{"query":"{ a }"}{"query":"{ b }"}`, http.StatusBadRequest},
		{"variables that are a list", "application/json", `{"query":"{ a }","variables":[1]}`, http.StatusBadRequest},
		{"a charset that is not ours", "application/json; charset=utf-16", `{"query":"{ a }"}`, http.StatusUnsupportedMediaType},
		{"no query", "application/json", `{"qeury":"{ a }"}`, http.StatusBadRequest},
		{"a query in capitals", "application/json", `{"QUERY":"{ a }"}`, http.StatusBadRequest},
		{"null", "application/json", `null`, http.StatusBadRequest},
		{"a key twice", "application/json", `{"query":"{ a }","query":"{ b }"}`, http.StatusBadRequest},
		{"a key twice, once escaped", "application/json", `{"query":"{ a }","quer\u0079":"{ b }"}`, http.StatusBadRequest},
		{"a variable twice", "application/json", `{"query":"{ a }","variables":{"x":{"y":1,"y":2}}}`, http.StatusBadRequest},
		{"65 levels", "application/json", `{"query":"{ a }","variables":{"x":` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `}}`, http.StatusBadRequest},
		{"64 levels", "application/json", `{"query":"{ a }","variables":{"x":` + strings.Repeat("[", 62) + strings.Repeat("]", 62) + `}}`, 0},
		{"a document by its hash", "application/json", `{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"x"}}}`, 0},
		{"a document by its id", "application/json", `{"documentId":"sha256:x","variables":null}`, 0},
		{"a document by Relay's id", "application/json", `{"doc_id":"x"}`, 0},
		{"an id that is a number", "application/json", `{"id":5}`, http.StatusBadRequest},
		{"nulls", "application/json", `{"query":"{ a }","variables":null,"operationName":null,"extensions":null}`, 0},
		{"deep nesting", "application/json", `{"variables":` + strings.Repeat("[", 60_000), http.StatusBadRequest},
	} {
		r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.kind)
		_, err := reader().readParams(httptest.NewRecorder(), r)
		bad, _ := errors.AsType[*params.Error](err)
		switch {
		case c.status == 0 && err != nil:
			t.Errorf("%s: refused: %v", c.reason, err)
		case c.status != 0 && (bad == nil || bad.Status != c.status):
			t.Errorf("%s: got %v, want %d", c.reason, err, c.status)
		}
	}
}

func TestReadParamsRefusesCompression(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(`{"query":"{ a }"}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Content-Encoding", "gzip") // a bomb, perhaps
	_, err := reader().readParams(httptest.NewRecorder(), r)
	if bad, _ := errors.AsType[*params.Error](err); bad == nil || bad.Status != http.StatusUnsupportedMediaType {
		t.Errorf("got %v", err)
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"key number %d":1,`, i)
	}
	return b.String()
}
