// Package params reads what clients send: the parameters of a GraphQL request, from a body, a URL or a message. A proxy in front
// must not understand the same JSON differently, so a name that occurs twice in an object is refused, and the letter case of
// names matters.
package params

import (
	"bytes"
	"net/http"
	"net/url"

	"github.com/99designs/gqlgen/graphql"
	"github.com/go-json-experiment/json/jsontext"
)

// Error says why a request never became an operation. It never holds anything of the request.
type Error struct {
	Status  int // of HTTP
	Message string
}

// Error is the message.
func (e *Error) Error() string { return e.Message }

// NoObject is for a body that is not what a request looks like.
var NoObject = &Error{http.StatusBadRequest, "The body must be a JSON object with a query and, if needed, variables, operationName and extensions."}

var (
	errNoQuery    = &Error{http.StatusBadRequest, "The request needs a query: a text in the key \"query\"."}
	errParameters = &Error{http.StatusBadRequest, "The parameters must be query and, if needed, operationName, variables and extensions, each once, the last two JSON objects."}
)

// DocumentIDs are the names that clients use for the id of a persisted document: GraphQL over HTTP's own, and Relay's two.
var DocumentIDs = []string{"documentId", "doc_id", "id"}

// FromBody reads the parameters from a JSON object: those of GraphQL over HTTP (draft, 5.1), and the id of a persisted document.
func FromBody(body []byte) (*graphql.RawParams, error) {
	var params *graphql.RawParams
	err := readWhole(body, func(r *reader, _ []byte) (err error) {
		params, err = r.request()
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case params == nil:
		return nil, NoObject
	}
	return params, needsDocument(params)
}

// FromValue reads the parameters from a part of JSON, such as the payload of a message.
func FromValue(value []byte) (*graphql.RawParams, error) { return FromBody(value) }

// request is nil for null.
func (r *reader) request() (*graphql.RawParams, error) {
	if r.tokens.PeekKind() == 'n' {
		return nil, r.skip()
	}
	params := &graphql.RawParams{}
	var documentID, docID, id string
	err := r.object(func(name []byte) (err error) {
		switch string(name) {
		case "query":
			params.Query, err = r.text()
		case "operationName":
			params.OperationName, err = r.text()
		case "variables":
			params.Variables, err = r.members()
		case "extensions":
			params.Extensions, err = r.members()
		case "documentId":
			documentID, err = r.textIfOne()
		case "doc_id":
			docID, err = r.textIfOne()
		case "id":
			id, err = r.textIfOne()
		default:
			err = r.skip()
		}
		return err
	})
	setDocumentID(params, documentID, docID, id)
	return params, err
}

// textIfOne reads a value that counts only if it is a text.
func (r *reader) textIfOne() (string, error) {
	if r.tokens.PeekKind() == '"' {
		return r.text()
	}
	return "", r.skip()
}

// setDocumentID takes the first of the ids, unless the extensions name one.
func setDocumentID(params *graphql.RawParams, ids ...string) {
	for _, id := range ids {
		if id == "" {
			continue
		}
		if params.Extensions == nil {
			params.Extensions = map[string]any{}
		}
		if _, given := params.Extensions["documentId"]; !given {
			params.Extensions["documentId"] = id
		}
	}
}

func needsDocument(params *graphql.RawParams) error {
	if params.Query == "" && params.Extensions["persistedQuery"] == nil && params.Extensions["documentId"] == nil {
		return errNoQuery
	}
	return nil
}

// FromQuery reads the parameters of a GET (GraphQL over HTTP, draft, 6.2): variables and extensions are JSON in a text.
func FromQuery(rawQuery string) (*graphql.RawParams, error) {
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, errParameters
	}
	for _, key := range []string{"query", "operationName", "variables", "extensions"} {
		if len(values[key]) > 1 { // a proxy may have read the other one
			return nil, errParameters
		}
	}
	params := &graphql.RawParams{Query: values.Get("query"), OperationName: values.Get("operationName")}
	for key, into := range map[string]*map[string]any{"variables": &params.Variables, "extensions": &params.Extensions} {
		text := values.Get(key)
		if text == "" {
			continue
		}
		err := readWhole([]byte(text), func(r *reader, _ []byte) (err error) {
			*into, err = r.members()
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	for _, key := range DocumentIDs {
		setDocumentID(params, values.Get(key))
	}
	return params, needsDocument(params)
}

// Message is a message of graphql-transport-ws.
type Message struct {
	Type    string
	ID      string
	Payload jsontext.Value
}

// FromMessage reads a message; ok is false unless it is a JSON object. FromValue reads its payload.
func FromMessage(text []byte) (m Message, ok bool) {
	err := readWhole(text, func(r *reader, text []byte) error {
		m = Message{}
		return r.object(func(name []byte) (err error) {
			switch string(name) {
			case "type":
				m.Type, err = r.text()
			case "id":
				m.ID, err = r.text()
			case "payload":
				begin := r.tokens.InputOffset() // the end of the name
				err = r.skip()
				m.Payload = bytes.TrimLeft(text[begin:r.tokens.InputOffset()], ": \t\r\n")
			default:
				err = r.skip()
			}
			return err
		})
	})
	return m, err == nil
}
