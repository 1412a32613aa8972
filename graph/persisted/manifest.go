package persisted

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// MaxManifest bounds a manifest, in bytes. One of 1,000 operations takes about 1 MB.
const MaxManifest = 10 << 20

// Manifest is the documents that the operator of the server trusts. It does not change. The zero value holds none.
type Manifest struct {
	byID map[string]string // by CanonicalID
	text map[string]bool
}

// LoadManifest reads the manifest that a file holds. Errors name the file and are for the operator.
func LoadManifest(path string) (*Manifest, error) {
	file, err := os.Open(path) //nolint:gosec // the operator names the file
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
// Every document must be one that GraphQL can parse and hold an operation; CheckManifest of package
// graph compares them with the schema. The error names every wrong operation.
func ParseManifest(data []byte) (*Manifest, error) {
	if len(data) > MaxManifest {
		return nil, fmt.Errorf("the manifest is larger than %d MB", MaxManifest>>20)
	}
	var members map[string]jsontext.Value
	if err := jsonv2.Unmarshal(data, &members); err != nil {
		return nil, fmt.Errorf("the manifest must be a JSON object as graphql-codegen, Relay or Apollo writes it: %.400s", err.Error())
	}
	read := readMap
	if operations, ok := members["operations"]; ok && operations.Kind() != '"' { // in the other forms every value is a text
		read = readApollo
	}
	operations, err := read(data)
	if err != nil {
		return nil, err
	}
	return newManifest(operations)
}

// operation is one entry of a manifest. Name is for messages.
type operation struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Body string `json:"body"`
}

func readMap(data []byte) (operations []operation, err error) {
	var documents map[string]*string
	if err := jsonv2.Unmarshal(data, &documents); err != nil {
		return nil, fmt.Errorf("every document must be a text: %.400s", err.Error())
	}
	for _, id := range slices.Sorted(maps.Keys(documents)) {
		if documents[id] == nil {
			return nil, fmt.Errorf("the document of %.100q must be a text", id)
		}
		operations = append(operations, operation{ID: id, Body: *documents[id]})
	}
	return operations, nil
}

const (
	apolloFormat  = "apollo-persisted-query-manifest"
	apolloVersion = 1
)

func readApollo(data []byte) ([]operation, error) {
	var manifest struct {
		Format     string      `json:"format"`
		Version    int         `json:"version"`
		Operations []operation `json:"operations"`
	}
	if err := jsonv2.Unmarshal(data, &manifest); err != nil {
		return nil, fmt.Errorf("the manifest is not one of Apollo: %.400s", err.Error())
	}
	if manifest.Format != apolloFormat || manifest.Version != apolloVersion {
		return nil, fmt.Errorf("the manifest has the format %.100q, version %d; known is %q, version %d", manifest.Format, manifest.Version, apolloFormat, apolloVersion)
	}
	return manifest.Operations, nil
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
			wrong = append(wrong, fmt.Errorf("the id %.100q is there twice", o.ID))
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

// CanonicalID removes the prefix that GraphQL over HTTP (appendix A) puts before a SHA-256: tools write ids without it.
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

// All are the documents with their canonical ids, sorted by id.
func (m *Manifest) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, id := range slices.Sorted(maps.Keys(m.byID)) {
			if !yield(id, m.byID[id]) {
				return
			}
		}
	}
}
