package transport

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

// FuzzGETIsPOST: one request, sent in an address and in a body, is read alike.
func FuzzGETIsPOST(f *testing.F) {
	f.Add("{ a }", "", "", "", "")
	f.Add("query A { a }", "A", `{"x":[1,{"y":null}],"n":9007199254740993}`, `{"persistedQuery":{"version":1}}`, "")
	f.Add("", "", "null", "{}", "abc")
	f.Add("{a}&query={b}", "%zz", `{"x":1,"x":2}`, `[]`, "+")
	f.Add("\xff", "\x00", "{\"a\":\"\xff\"}", `{"a":"\ud800"}`, "é")
	f.Fuzz(func(t *testing.T, document, operation, variables, extensions, id string) {
		if variables == "" || extensions == "" || strings.ToValidUTF8(document+operation+id, "") != document+operation+id {
			return // an empty text is nothing in an address and no JSON in a body; broken bytes are the body's business
		}
		values := url.Values{"query": {document}, "operationName": {operation}, "variables": {variables}, "extensions": {extensions}, "documentId": {id}}
		byGet, errGet := decodeQuery(values.Encode())
		texts := func(s string) string { return string(encode(s)) }
		body := `{"query":` + texts(document) + `,"operationName":` + texts(operation) + `,"variables":` + variables + `,"extensions":` + extensions + `,"documentId":` + texts(id) + `}`
		byPost, errPost := decodeParams(showBrokenUTF8([]byte(body)))
		if nested := max(nesting([]byte(variables)), nesting([]byte(extensions))); nested == maxJSONDepth {
			return // a body has a level more
		}
		if !json.Valid([]byte(variables)) || !json.Valid([]byte(extensions)) {
			if errGet == nil {
				t.Fatalf("taken: %q %q", variables, extensions)
			}
			return // what breaks out of its place may make another body
		}
		if (errGet == nil) != (errPost == nil) {
			t.Fatalf("by GET %v, by POST %v: %s", errGet, errPost, body)
		}
		if errGet == nil && string(encode(byGet)) != string(encode(byPost)) {
			t.Fatalf("by GET %s, by POST %s", encode(byGet), encode(byPost))
		}
	})
}

// FuzzNegotiate: any Accept header picks one of our media types or none, never events unless they are named, and the choice
// stays when what was picked is all that is asked for.
func FuzzNegotiate(f *testing.F) {
	for _, seed := range []string{
		"", "*/*", "application/json", "text/event-stream;q=0.5, */*", "application/*;q=0", "application/graphql-response+json; charset=utf-8, application/json;q=0.9",
		"text/html", "application/json;q=2", ",,,", "a/b;q=0.1;q=0.2", "TEXT/EVENT-STREAM", `application/json;x="a,b"`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, accept string) {
		media := negotiate([]string{accept})
		switch media {
		case "", mediaJSON, mediaGraphQL:
		case mediaEvents:
			if !strings.Contains(strings.ToLower(accept), mediaEvents) {
				t.Fatalf("%q asks for no events", accept)
			}
		default:
			t.Fatalf("%q: %q", accept, media)
		}
		if media != "" && negotiate([]string{media}) != media {
			t.Fatalf("%q is not taken alone", media)
		}
	})
}
