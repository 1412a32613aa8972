package persisted

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestManifestsOfRealTools reads what the three tools have written; testdata says how.
func TestManifestsOfRealTools(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file, id  string
		idIsHash  bool // of exactly the text that the manifest holds
		beginning string
	}{
		{"codegen/persisted-documents.json", "fe0046bce44d6a555f1c25766cdf98e4081de1490030e9e9543dd1e78ee8cd30", true, "fragment ChatRow on Chat { id title } query Sidebar("},
		{"relay/persisted_queries.json", "946792db21bc605b89e2383486d76b8a", false, "query SidebarQuery(\n"},
		{"apollo/persisted-query-manifest.json", "141cf9f5ce3aed5bc3c73146546fdd481addf696015311903937c7ef66e1ddaa", true, "query Sidebar($first: Int) {\n"},
	} {
		manifest, err := LoadManifest(filepath.Join("testdata", c.file))
		if err != nil {
			t.Error(err)
			continue
		}
		if manifest.Len() != 3 {
			t.Errorf("%s: %d operations", c.file, manifest.Len())
		}
		document, ok := manifest.Document(c.id)
		if !ok || !strings.HasPrefix(document, c.beginning) {
			t.Errorf("%s: got %q", c.file, document)
		}
		if prefixed, _ := manifest.Document("sha256:" + c.id); (prefixed != "") != IsHash(c.id) {
			t.Errorf("%s: with the prefix of GraphQL over HTTP: %q", c.file, prefixed)
		}
		if (Hash(document) == c.id) != c.idIsHash {
			t.Errorf("%s: the id of a document with the hash %s is %s", c.file, Hash(document), c.id)
		}
		if !manifest.Holds(document) || manifest.Holds(document+" ") || manifest.Holds("") {
			t.Errorf("%s: a text is known exactly or not at all", c.file)
		}
		if _, ok := manifest.Document(c.id[1:]); ok {
			t.Errorf("%s: half an id is enough", c.file)
		}
	}
}

func TestParseManifest(t *testing.T) {
	t.Parallel()
	hash := Hash("")
	const apollo = `"format": "apollo-persisted-query-manifest", "version": 1, "operations": `
	for _, c := range []struct {
		reason, text string
		err          string // a part of the error; "" for none
	}{
		{"one document", `{"a": "{ chats { __typename } }"}`, ""},
		{"blanks around everything", " \n{ \"a\" :\n\t \"{ a }\" }\n ", ""},
		{"one text under two ids", `{"a": "{ a }", "b": "{ a }"}`, ""},
		{"an id with a prefix", `{"sha256:a": "{ a }"}`, ""},
		{"ids that are words of Apollo's form", `{"format": "{ a }", "operations": "{ b }"}`, ""},
		{"Apollo's form", `{` + apollo + `[{"id": "a", "name": "A", "type": "query", "body": "query A { a }"}]}`, ""},
		{"Apollo's form with more in it", `{"extra": {"x": [1]}, ` + apollo + `[ {"id": "a", "body": "{ a }", "clientName": "web"}]}`, ""},

		{"nothing", ``, "must be a JSON object"},
		{"no object", `["{ a }"]`, "must be a JSON object"},
		{"no JSON", `{"a": }`, "invalid character"},
		{"half of it", `{"a": "{ a }"`, "EOF"},
		{"two of them", `{"a": "{ a }"} {}`, "after top-level value"},
		{"not UTF-8", "{\"a\": \"\xff\"}", "UTF-8"},
		{"empty", `{}`, "empty"},
		{"Apollo's, empty", `{` + apollo + `[]}`, "empty"},
		{"Apollo's, null", `{` + apollo + `null}`, "empty"},
		{"a number", `{"a": 1}`, `"/a"`},
		{"null", `{"a": null}`, `"a" must be a text`},
		{"an id twice", `{"a": "{ a }", "a": "{ b }"}`, `duplicate object member name "a"`},
		{"an id twice, once with a prefix", `{"` + hash + `": "{ a }", "sha256:` + hash + `": "{ b }"}`, `"sha256:` + hash + `" is there twice`},
		{"Apollo's, an id twice", `{` + apollo + `[{"id": "a", "body": "{ a }"}, {"id": "a", "body": "{ b }"}]}`, `"a" is there twice`},
		{"Apollo's, operations twice", `{` + apollo + `[{"id": "a", "body": "{ a }"}], "operations": [{"id": "b"}]}`, `duplicate object member name "operations"`},
		{"no id", `{"": "{ a }"}`, "operation 1 has no id"},
		{"a prefix before something else is a part of the id", `{"a": "{ a }", "sha256:a": "{ b }", "sha256:": "{ c }"}`, ""},
		{"Apollo's, no id", `{` + apollo + `[{"body": "{ a }"}]}`, "operation 1 has no id"},
		{"a document that does not parse", `{"a": "{ a"}`, `operation "a"`},
		{"Apollo's, a document that does not parse", `{` + apollo + `[{"id": "a", "name": "Sidebar", "body": "{ a"}]}`, "Sidebar"},
		{"no document", `{"a": ""}`, "no operation"},
		{"fragments alone", `{"a": "fragment F on Query { a }"}`, "no operation"},
		{"types", `{"a": "type Query { a: Int }"}`, `operation "a"`},
		{"nested deeply", `{"a": "` + strings.Repeat("{a", 500_000) + `"}`, "nesting"},
		{"Apollo's, another version", `{"format": "apollo-persisted-query-manifest", "version": 2, "operations": []}`, "version 2"},
		{"Apollo's, another format", `{"format": "x", "version": 1, "operations": []}`, `"x"`},
		{"Apollo's, no format", `{"operations": []}`, "apollo-persisted-query-manifest"},
		{"Apollo's, operations of another type", `{` + apollo + `{"a": "{ a }"}}`, `"/operations"`},
		{"Apollo's, a body of another type", `{` + apollo + `[{"id": "a", "body": 1}]}`, `"/operations/0/body"`},
		{"too large", `{"a": "{ a }"` + strings.Repeat(" ", MaxManifest) + `}`, "10 MB"},
	} {
		manifest, err := ParseManifest([]byte(c.text))
		switch {
		case c.err == "" && (err != nil || manifest.Len() == 0):
			t.Errorf("%s: %v", c.reason, err)
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: got %v, want %q", c.reason, err, c.err)
		case err != nil && len(err.Error()) > 1000:
			t.Errorf("%s: an error of %d bytes", c.reason, len(err.Error()))
		}
	}
}

// TestManifestNamesAllThatIsWrong: one start shows all mistakes.
func TestManifestNamesAllThatIsWrong(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "manifest.json")
	if err := os.WriteFile(path, []byte(`{"one": "{", "two": "{ a }", "three": "fragment F on X { a }"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := LoadManifest(path)
	if err == nil || strings.Contains(err.Error(), "two") {
		t.Fatal(err)
	}
	for _, part := range []string{path, `"one"`, `"three"`} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%s is missing: %v", part, err)
		}
	}
	if _, err := LoadManifest(path + ".not"); !os.IsNotExist(err) {
		t.Error(err)
	}
}

func TestManifestInOrder(t *testing.T) {
	t.Parallel()
	manifest, err := ParseManifest([]byte(`{"b": "{ b }", "a": "{ a }", "c": "{ c }"}`))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for id, document := range manifest.All() {
		if all = append(all, id, document); id == "b" {
			break
		}
	}
	if got := strings.Join(all, " "); got != "a { a } b { b }" {
		t.Error(got)
	}
}

func TestZeroManifestTrustsNothing(t *testing.T) {
	t.Parallel()
	var manifest Manifest
	if _, ok := manifest.Document(""); ok || manifest.Holds("") || manifest.Len() != 0 {
		t.Error("it holds something")
	}
}

// FuzzParseManifest: any bytes give a manifest whose every document can be found again, or an error.
func FuzzParseManifest(f *testing.F) {
	for _, file := range []string{"codegen/persisted-documents.json", "relay/persisted_queries.json", "apollo/persisted-query-manifest.json"} {
		data, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, text := range []string{``, `{`, `{}`, `[]`, `{"a": "{ a }"}`, `{"a": "{ a }", "a": 1}`, `{"operations": null}`, `{"operations": [{}]}`, "{\"\\ud800\": \"\\ud800\"}", "\ufeff{}"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		manifest, err := ParseManifest(data)
		if (manifest == nil) == (err == nil) {
			t.Fatalf("manifest %v, error %v", manifest, err)
		}
		if err != nil {
			return
		}
		if !json.Valid(data) || manifest.Len() == 0 {
			t.Fatal("taken, but it is no JSON or empty")
		}
		for id, document := range manifest.All() {
			if found, ok := manifest.Document(id); !ok || found != document || !manifest.Holds(document) {
				t.Fatalf("%q is not found again", id)
			}
		}
	})
}
