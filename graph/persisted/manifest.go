package persisted

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// MaxManifest bounds a manifest, in bytes. One of 1,000 operations takes about 1 MB.
const MaxManifest = 10 << 20

// Manifest is the documents that whoever runs the server trusts. It does not change. The zero value holds none.
type Manifest struct {
	byID map[string]string // by CanonicalID
	text map[string]bool
}

// LoadManifest reads the manifest that a file holds. Errors name the file and are for whoever runs the server.
func LoadManifest(path string) (*Manifest, error) {
	file, err := os.Open(path) //nolint:gosec // whoever runs the server names the file
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, MaxManifest+1))
	if err != nil {
		return nil, err
	}
	manifest, err := ParseManifest(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return manifest, nil
}

// ParseManifest reads a manifest in one of the forms that build tools write:
//
//   - an object {"<id>": "<document>"}: persisted-documents.json of graphql-codegen's client preset, and the persisted
//     queries of relay-compiler. The ids are hashes of some kind (SHA-1, SHA-256, MD5) or anything else; they are not checked;
//   - {"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id", "name", "type", "body"}]}.
//
// Every document must be one that GraphQL can parse and hold an operation; whether the schema knows what it asks for is
// the edge's to say. The error names every operation at fault.
func ParseManifest(data []byte) (*Manifest, error) {
	if len(data) > MaxManifest {
		return nil, fmt.Errorf("the manifest is larger than %d MB", MaxManifest>>20)
	}
	if !utf8.Valid(data) {
		return nil, errors.New("the manifest is no valid UTF-8")
	}
	members, err := readObject(data)
	if err != nil {
		return nil, fmt.Errorf("the manifest is none of graphql-codegen, Relay or Apollo: %w", err)
	}
	read := readMap
	if slices.ContainsFunc(members, isOperations) {
		read = readApollo
	}
	operations, err := read(members)
	if err != nil {
		return nil, err
	}
	return newManifest(operations)
}

// operation is one entry of a manifest. Name is for messages.
type operation struct{ ID, Name, Body string }

// member is one of a JSON object, in the order of the text. encoding/json's maps would hide that a key stands there twice.
type member struct {
	key   string
	value json.RawMessage
}

func readObject(data []byte) (members []member, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return nil, errors.New("it must be a JSON object")
	}
	seen := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		m := member{key: key.(string)} // the keys of an object are nothing else
		if seen[m.key] {
			return nil, fmt.Errorf("%.100q stands there twice", m.key)
		}
		seen[m.key] = true
		if err := d.Decode(&m.value); err != nil {
			return nil, err
		}
		members = append(members, m)
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON object")
	}
	return members, nil
}

// isOperations tells Apollo's form: in the others every value is a text.
func isOperations(m member) bool { return m.key == "operations" && m.value[0] != '"' }

func readMap(members []member) (operations []operation, err error) {
	for _, m := range members {
		o := operation{ID: m.key}
		if m.value[0] != '"' || json.Unmarshal(m.value, &o.Body) != nil {
			return nil, fmt.Errorf("the document of %.100q must be a text", m.key)
		}
		operations = append(operations, o)
	}
	return operations, nil
}

const (
	apolloFormat  = "apollo-persisted-query-manifest"
	apolloVersion = 1
)

func readApollo(members []member) (operations []operation, err error) {
	var format string
	var version int
	for _, m := range members {
		switch m.key {
		case "format":
			err = json.Unmarshal(m.value, &format)
		case "version":
			err = json.Unmarshal(m.value, &version)
		case "operations":
			err = json.Unmarshal(m.value, &operations)
		}
		if err != nil {
			return nil, fmt.Errorf("%q of the manifest: %w", m.key, err)
		}
	}
	if format != apolloFormat || version != apolloVersion {
		return nil, fmt.Errorf("the manifest has the format %.100q, version %d; known is %q, version %d", format, version, apolloFormat, apolloVersion)
	}
	return operations, nil
}

func newManifest(operations []operation) (*Manifest, error) {
	if len(operations) == 0 {
		return nil, errors.New("the manifest is empty: with it nothing could run")
	}
	m := &Manifest{byID: map[string]string{}, text: map[string]bool{}}
	var wrong []error
	for i, o := range operations {
		id := CanonicalID(o.ID)
		if id == "" {
			wrong = append(wrong, fmt.Errorf("operation %d has no id", i+1))
			continue
		}
		if _, twice := m.byID[id]; twice {
			wrong = append(wrong, fmt.Errorf("the id %.100q stands there twice", o.ID))
		}
		if err := checkDocument(o.Body); err != nil {
			wrong = append(wrong, fmt.Errorf("operation %.100q %.100s: %w", o.ID, o.Name, err))
		}
		m.byID[id], m.text[o.Body] = o.Body, true
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	return m, nil
}

func checkDocument(body string) error {
	document, err := parser.ParseQuery(&ast.Source{Input: body})
	if err != nil {
		return err
	}
	if len(document.Operations) == 0 {
		return errors.New("the document has no operation")
	}
	return nil
}

// CanonicalID takes away the prefix that GraphQL over HTTP (appendix A) puts before a SHA-256: tools write ids without it.
// Any other id stays as it is.
func CanonicalID(id string) string {
	if hash, ok := strings.CutPrefix(id, "sha256:"); ok && IsHash(hash) {
		return hash
	}
	return id
}

// Document returns the document with this id; a SHA-256 may have the prefix "sha256:".
func (m *Manifest) Document(id string) (document string, ok bool) {
	document, ok = m.byID[CanonicalID(id)]
	return document, ok
}

// Holds says whether exactly this text is one of the documents.
func (m *Manifest) Holds(document string) bool { return m.text[document] }

// Len is how many ids there are.
func (m *Manifest) Len() int { return len(m.byID) }

// All are the documents by their canonical ids, in the order of these.
func (m *Manifest) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, id := range slices.Sorted(maps.Keys(m.byID)) {
			if !yield(id, m.byID[id]) {
				return
			}
		}
	}
}
