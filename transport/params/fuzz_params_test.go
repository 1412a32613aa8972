package params

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
		byGet, errGet := FromQuery(values.Encode())
		texts := func(s string) string { return string(asJSON(s)) }
		body := `{"query":` + texts(document) + `,"operationName":` + texts(operation) + `,"variables":` + variables + `,"extensions":` + extensions + `,"documentId":` + texts(id) + `}`
		byPost, errPost := FromBody([]byte(body))
		if nested := max(nesting([]byte(variables)), nesting([]byte(extensions))); nested == maxDepth {
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
		if errGet == nil && string(asJSON(byGet)) != string(asJSON(byPost)) {
			t.Fatalf("by GET %s, by POST %s", asJSON(byGet), asJSON(byPost))
		}
	})
}
