// Package hostile is for tests only: documents that attack a GraphQL server, each with the code of its refusal. The edge's own
// tests run them against the executor, the end-to-end tests over every transport.
//
// The most expensive ones were found by measuring: without limits a few of them take seconds of CPU.
package hostile

import (
	"encoding/json"
	"slices"
)

// The codes that a refusal may have.
const (
	TooComplex = "QUERY_TOO_COMPLEX"
	Parse      = "GRAPHQL_PARSE_FAILED"
	Validation = "GRAPHQL_VALIDATION_FAILED"
	BadInput   = "BAD_USER_INPUT"
)

// MaxBody is what a transport lets through, in bytes.
const MaxBody = 200_000*14 + 128<<10

// Document is one attack.
type Document struct {
	Name      string
	Query     string // empty when the attack is in the form of the body
	Variables json.RawMessage
	Operation string // operationName

	// Raw is the request's body, byte for byte, for attacks that no JSON encoder would write.
	Raw []byte

	// Malformed says that the body is not a GraphQL request: HTTP answers 400 with Code, a socket closes.
	Malformed bool

	// TooMuch says that the body exceeds the limit of bytes besides texts: HTTP answers 413 with Code, a socket closes.
	TooMuch bool

	// Introspection says that the document is refused where introspection is off, and may be answered where it is on.
	Introspection bool

	// Code is the code of the first error.
	Code string
}

// Body is the request's body as a client sends it over HTTP, and the payload of a subscribe message.
func (d Document) Body() []byte {
	if d.Raw != nil {
		return d.Raw
	}
	request := map[string]any{"query": d.Query}
	if d.Variables != nil {
		request["variables"] = d.Variables
	}
	if d.Operation != "" {
		request["operationName"] = d.Operation
	}
	body, err := json.Marshal(request)
	if err != nil {
		panic(d.Name + ": " + err.Error()) // a mistake in this package
	}
	return body
}

// TooLarge says that the body is above MaxBody, so that no transport may hand it on: HTTP answers 413 with Code, a socket
// closes.
func (d Document) TooLarge() bool { return len(d.Body()) > MaxBody }

// All is the whole corpus.
func All() []Document {
	return slices.Concat(repetition(), nesting(), fragments(), names(), values(), variables(), introspection(), syntax(), bodies(), large())
}
