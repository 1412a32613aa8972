package params

import (
	"encoding/json"
	"strings"
	"testing"
)

func asJSON(v any) []byte {
	text, _ := json.Marshal(v)
	return text
}

func TestDecodeParamsKeepsWhatWasSent(t *testing.T) {
	t.Parallel()
	params, err := FromBody([]byte(`{"query":"{ a }","operationName":"A","variables":{"seq":9007199254740993},"extensions":{"x":1},"documentId":"d","id":"other"}`))
	if err != nil {
		t.Fatal(err)
	}
	got := string(asJSON(params))
	want := `{"query":"{ a }","operationName":"A","variables":{"seq":9007199254740993},"extensions":{"documentId":"d","x":1}}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestDecodeQuery(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason, query, want string // "": refused
	}{
		{"all of it", `query=%7Ba%7D&operationName=A&variables=%7B%22x%22%3A1%7D&extensions=%7B%7D`, `{"query":"{a}","operationName":"A","variables":{"x":1},"extensions":{}}`},
		{"an id", `documentId=abc`, `{"query":"","operationName":"","variables":null,"extensions":{"documentId":"abc"}}`},
		{"empty variables", `query=%7Ba%7D&variables=`, `{"query":"{a}","operationName":"","variables":null,"extensions":null}`},
		{"nothing", ``, ""},
		{"variables that are no JSON", `query=%7Ba%7D&variables=x`, ""},
		{"variables that are a list", `query=%7Ba%7D&variables=[]`, ""},
		{"variables with a key twice", `query=%7Ba%7D&variables=%7B%22x%22:1,%22x%22:2%7D`, ""},
		{"a query twice", `query=%7Ba%7D&query=%7Bb%7D`, ""},
		{"variables twice", `query=%7Ba%7D&variables=%7B%7D&variables=%7B%7D`, ""},
		{"a broken escape", `query=%zz`, ""},
		{"a semicolon", `query=%7Ba%7D;variables=1`, ""},
	} {
		params, err := FromQuery(c.query)
		got := ""
		if err == nil {
			got = string(asJSON(params))
		}
		if got != c.want {
			t.Errorf("%s: %s (%v), want %s", c.reason, got, err, c.want)
		}
	}
}

// FuzzDecodeParams: no panic, and nothing is taken that encoding/json would read differently.
func FuzzDecodeParams(f *testing.F) {
	for _, seed := range []string{`{"query":"{a}"}`, `{"query":"{a}","variables":{"x":[1,{"y":null}]}}`, `[]`, `{"a":`, `{"query":"a","query":"b"}`, `null`, `{"documentId":"x"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		params, err := FromBody(body)
		if err != nil {
			return
		}
		var plain struct{ Query string }
		if json.Unmarshal(body, &plain) != nil || params.Query != "" && plain.Query != params.Query && !strings.Contains(strings.ToLower(string(body)), `\u`) {
			t.Fatalf("%q: %q, encoding/json reads %q", body, params.Query, plain.Query)
		}
	})
}
