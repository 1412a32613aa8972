package params

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"studychat/test/hostile"
)

// reference reads a body in five plain passes: bytes, escapes, structure and limits, a struct by reflection, what must be there. The
// one pass of FromBody must give the same parameters and the same refusals.
func reference(body []byte) (*graphql.RawParams, error) {
	body = showBrokenUTF8(body)
	if err := referenceCheck(body); err != nil {
		return nil, err
	}
	var r *struct {
		Query         string         `json:"query"`
		OperationName string         `json:"operationName"`
		Variables     map[string]any `json:"variables"`
		Extensions    map[string]any `json:"extensions"`
		DocumentID    any            `json:"documentId"`
		DocID         any            `json:"doc_id"`
		ID            any            `json:"id"`
	}
	if err := jsonv2.Unmarshal(body, &r, referenceOptions); err != nil || r == nil {
		return nil, NoObject
	}
	params := &graphql.RawParams{Query: r.Query, OperationName: r.OperationName, Variables: r.Variables, Extensions: r.Extensions}
	for _, value := range []any{r.DocumentID, r.DocID, r.ID} {
		id, _ := value.(string)
		setDocumentID(params, id)
	}
	return params, needsDocument(params)
}

var referenceOptions = jsonv2.JoinOptions(jsontext.AllowDuplicateNames(true), jsonv2.WithUnmarshalers(
	jsonv2.UnmarshalFromFunc(func(d *jsontext.Decoder, into *any) error {
		if d.PeekKind() != '0' {
			return errors.ErrUnsupported
		}
		number, err := d.ReadValue()
		*into = json.Number(number)
		return err
	})))

func referenceCheck(text []byte) error {
	tokens := jsontext.NewDecoder(bytes.NewBuffer(text))
	switch tokens.PeekKind() {
	case '{', 'n':
	case '[':
		return errBatch
	default:
		return NoObject
	}
	inTexts := 0
	for whole := false; !whole; whole = tokens.StackDepth() == 0 {
		var err error
		if tokens.PeekKind() == '"' {
			var raw jsontext.Value
			raw, err = tokens.ReadValue()
			inTexts += max(0, len(raw)-2)
		} else {
			_, err = tokens.ReadToken()
		}
		switch {
		case errors.Is(err, jsontext.ErrDuplicateName):
			return errDuplicate
		case err != nil:
			return NoObject
		case tokens.StackDepth() > maxDepth:
			return errTooDeep
		case int(tokens.InputOffset())-inTexts > MaxBesideTexts:
			return errTooMuch
		}
	}
	if len(text)-inTexts > MaxBesideTexts {
		return errTooMuch
	}
	if _, err := tokens.ReadToken(); !errors.Is(err, io.EOF) {
		return NoObject
	}
	return nil
}

// likeReference fails unless both say the same of a body.
func likeReference(t testing.TB, body []byte) error {
	t.Helper()
	wanted, wantedErr := reference(bytes.Clone(body))
	before := bytes.Clone(body)
	got, err := FromBody(body)
	if !bytes.Equal(before, body) {
		t.Fatalf("%.300q was changed", before)
	}
	if err != wantedErr { //nolint:errorlint // the same refusal, not a similar one
		t.Fatalf("%.300q: %v, the reference says %v", body, err, wantedErr)
	}
	if err == nil && string(asJSON(got)) != string(asJSON(wanted)) {
		t.Fatalf("%.300q is read as %s, by the reference as %s", body, asJSON(got), asJSON(wanted))
	}
	return err
}

var bodies = []string{
	"", " ", "{", "}", "[]", "[1]", " [", "null", " null ", "nul", "nullx", "null null", "true", `"query"`, "5", "\xef\xbb\xbf{}",
	`{}`, `{} `, `{}{}`, `{},`, `{"query"}`, `{"query":}`, `{"query":"{a}"`, `{"query":"{a}",}`, `{query:"{a}"}`, `{'query':'{a}'}`,
	`{"query":"{a}"}`, ` { "query" : "{a}" } `, `{"query":null}`, `{"query":""}`, `{"query":5}`, `{"query":["{a}"]}`, `{"query":{"a":"b"}}`,
	`{"query":"{a}","query":"{b}"}`, `{"query":"{a}","qu\u0065ry":"{b}"}`, `{"qu\u0065ry":"{a}"}`, `{"Query":"{a}"}`, `{"query":"{a}","Query":"{b}"}`,
	`{"query":"\"{a}\" \\ \/ \b\f\n\r\t \u00e9 \ud83c\udf93"}`, `{"query":"\x"}`, `{"query":"\u12"}`, "{\"query\":\"a\nb\"}", "{\"query\":\"a\x00b\"}",
	"{\"query\":\"\xff\"}", "{\"query\":\"\xed\xa0\x80\"}", `{"query":"\ud800"}`, `{"query":"\udc00\ud800"}`, `{"query":"\\ud800"}`, `{"query":"\\\ud800"}`,
	"{\"query\":\"{a}\",\"\xff\":1}", "{\"query\":\"{a}\"\xff}", "{\"query\":\"\\\xff\"}", "{\"query\":\"{a}\",\"\xff\":1,\"\xfe\":2}",
	`{"query":"{a}","\ud800":1,"\udc00":2}`, `{"query":5,"x":1,"x":2}`, "{\"query\":5,\"x\":\"\xff\"}", "{\"x\":1,\"x\":2,\"y\":\"\xff\"}",
	`{"query":"{a}","operationName":"A"}`, `{"query":"{a}","operationName":null}`, `{"query":"{a}","operationName":1}`, `{"query":"{a}","operationName":{}}`,
	`{"query":"{a}","variables":{}}`, `{"query":"{a}","variables":null}`, `{"query":"{a}","variables":[]}`, `{"query":"{a}","variables":"{}"}`, `{"query":"{a}","variables":1}`,
	`{"query":"{a}","variables":{"a":1,"b":-1.5e10,"c":9007199254740993,"d":1e400,"e":true,"f":false,"g":null,"h":"x","i":[],"j":{},"k":[1,[2,{"l":"\u00e9"}]]}}`,
	`{"query":"{a}","variables":{"a":01}}`, `{"query":"{a}","variables":{"a":+1}}`, `{"query":"{a}","variables":{"a":NaN}}`, `{"query":"{a}","variables":{"a":1,"a":2}}`,
	`{"query":"{a}","variables":{"a":{"b":1,"b":2}}}`, `{"query":"{a}","variables":{"a":[{"b":1,"b":2}]}}`, `{"query":"{a}","other":{"b":1,"b":2}}`,
	`{"query":"{a}","extensions":{"persistedQuery":{"version":1,"sha256Hash":"x"}}}`, `{"extensions":{"persistedQuery":{"version":1}}}`, `{"extensions":{"persistedQuery":null}}`,
	`{"extensions":{}}`, `{"extensions":[]}`, `{"documentId":"x"}`, `{"documentId":""}`, `{"documentId":5}`, `{"documentId":null,"id":"y"}`, `{"documentId":{"a":[1]},"doc_id":"y"}`,
	`{"id":"1","doc_id":"2","documentId":"3"}`, `{"id":"1","extensions":{"documentId":"2"}}`, `{"extensions":{"documentId":null},"id":"1"}`, `{"id":["x",{"y":1}]}`, `{"id":{"y":1,"y":2}}`,
	`{"query":"{a}","operations":[1,2,{"x":[]}],"map":{}}`, `{"query":"{a}"}` + "\n", `{"query":"{a}"} x`, `{"query":"{a}"}` + "\x00", "{\"query\":\"{a}\"}\xff",
}

// TestOnePassReadsLikeFive: accepted and refused alike, by the same rule where a body breaks several.
func TestOnePassReadsLikeFive(t *testing.T) {
	t.Parallel()
	refused := map[error]int{}
	for _, body := range bodies {
		refused[likeReference(t, []byte(body))]++
	}
	for depth := 60; depth < 70; depth++ {
		for _, nested := range []string{
			`{"query":"{a}","variables":{"a":` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + `}}`,
			`{"query":"{a}","other":` + strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat("}", depth) + `}`,
			`{"query":5,"x":` + strings.Repeat("[", depth),
		} {
			refused[likeReference(t, []byte(nested))]++
		}
	}
	for around := MaxBesideTexts - 40; around < MaxBesideTexts+4; around++ {
		refused[likeReference(t, []byte(`{"query":"{a}","variables":{"a":`+strings.Repeat(" ", around)+`1}}`))]++
		refused[likeReference(t, []byte(`{"query":"`+strings.Repeat("x", around)+`","a":`+strings.Repeat(" ", around)+`1}`))]++
		refused[likeReference(t, []byte(`{"query":"{a}"}`+strings.Repeat(" ", around)))]++
		refused[likeReference(t, []byte("{\"query\":\"\xff\""+strings.Repeat(" ", around)+"}"))]++
	}
	for _, err := range []error{nil, NoObject, errNoQuery, errBatch, errDuplicate, errTooDeep, errTooMuch} {
		if refused[err] < 2 {
			t.Errorf("%d bodies end with %v", refused[err], err)
		}
	}
}

// TestOnePassReadsHostileBodiesLikeFive is the same for the project's hostile requests, each cut at many places too.
func TestOnePassReadsHostileBodiesLikeFive(t *testing.T) {
	t.Parallel()
	for _, document := range hostile.All() {
		body, cuts := document.Body(), 20
		if raced {
			cuts = 4 // the detector takes ten times as long, and there is one goroutine
		}
		for i := range cuts {
			_ = likeReference(t, body[:len(body)*(i+1)/cuts])
		}
	}
}

// TestOnePassReadsRealClientsLikeFive is the same for the documents of real clients.
func TestOnePassReadsRealClientsLikeFive(t *testing.T) {
	t.Parallel()
	files, _ := filepath.Glob("../../graph/testdata/documents/*.graphql")
	if len(files) < 8 {
		t.Fatalf("%d documents", len(files))
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		body := []byte(`{"operationName":"A","variables":{"first":20,"after":null},"query":` + string(asJSON(string(text))) + `}`)
		if err := likeReference(t, body); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func FuzzOnePass(f *testing.F) {
	for _, body := range bodies {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) { _ = likeReference(t, body) })
}

// TestReadingIsCheap: the tokens of a usual request are not allocated one by one.
func TestReadingIsCheap(t *testing.T) { //nolint:paralleltest // it counts what the whole process allocates
	body := []byte(`{"query":"query Chats($first: Int) { chats(first: $first) { edges { cursor } } }","variables":{"first":20}}`)
	n := testing.AllocsPerRun(100, func() {
		if _, err := FromBody(body); err != nil {
			t.Fatal(err)
		}
	})
	if n > 12 && !raced {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkFromBody(b *testing.B) {
	for _, c := range []struct{ name, body string }{
		{"small", `{"query":"{ __typename }"}`},
		{"variables", `{"operationName":"Chats","query":"query Chats($first: Int) {\n chats(first: $first) {\n edges {\n cursor node { id title } } } }","variables":{"first":20}}`},
		{"text", `{"query":"{ a }","variables":{"content":"` + strings.Repeat("a text of a message, ", 200) + `"}}`},
	} {
		body := []byte(c.body)
		b.Run(c.name+"/one", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = FromBody(body)
			}
		})
		b.Run(c.name+"/five", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = reference(body)
			}
		})
	}
}
