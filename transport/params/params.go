// Package params reads what clients send: the parameters of a GraphQL request, from a body, a URL or a message. A proxy in front
// must not understand the same JSON differently, so a name that occurs twice in an object is refused, and the letter case of
// names matters.
package params

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/99designs/gqlgen/graphql"
	jsonv2 "github.com/go-json-experiment/json"
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

// request is the JSON object of a request: the parameters of GraphQL over HTTP (draft, 5.1), and the id of a persisted
// document under each of the names that clients use for it: GraphQL over HTTP's own, and Relay's two.
type request struct {
	Query         string         `json:"query"`
	OperationName string         `json:"operationName"`
	Variables     map[string]any `json:"variables"`
	Extensions    map[string]any `json:"extensions"`
	DocumentID    any            `json:"documentId"`
	DocID         any            `json:"doc_id"`
	ID            any            `json:"id"`
}

// DocumentIDs are the names of request's last three fields.
var DocumentIDs = []string{"documentId", "doc_id", "id"}

// FromBody reads the parameters from a JSON object.
func FromBody(body []byte) (*graphql.RawParams, error) {
	body = showBrokenUTF8(body)
	if err := check(body); err != nil {
		return nil, err
	}
	return FromValue(body)
}

// FromValue reads the parameters from a part of JSON that FromMessage has checked.
func FromValue(value []byte) (*graphql.RawParams, error) {
	var r *request
	if err := unmarshal(value, &r); err != nil || r == nil {
		return nil, NoObject
	}
	params := &graphql.RawParams{Query: r.Query, OperationName: r.OperationName, Variables: r.Variables, Extensions: r.Extensions}
	for _, value := range []any{r.DocumentID, r.DocID, r.ID} {
		id, _ := value.(string)
		setDocumentID(params, id)
	}
	return params, needsDocument(params)
}

func setDocumentID(params *graphql.RawParams, id string) {
	if id == "" {
		return
	}
	if params.Extensions == nil {
		params.Extensions = map[string]any{}
	}
	if _, given := params.Extensions["documentId"]; !given {
		params.Extensions["documentId"] = id
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
	for key, into := range map[string]any{"variables": &params.Variables, "extensions": &params.Extensions} {
		text := showBrokenUTF8([]byte(values.Get(key)))
		if len(text) == 0 {
			continue
		}
		if err := check(text); err != nil {
			return nil, err
		}
		if unmarshal(text, into) != nil {
			return nil, errParameters
		}
	}
	for _, key := range DocumentIDs {
		setDocumentID(params, values.Get(key))
	}
	return params, needsDocument(params)
}

// Message is a message of graphql-transport-ws.
type Message struct {
	Type    string         `json:"type"`
	ID      string         `json:"id"`
	Payload jsontext.Value `json:"payload"`
}

// FromMessage reads a message; ok is false unless it is a JSON object. FromValue reads its payload.
func FromMessage(text []byte) (m Message, ok bool) {
	text = showBrokenUTF8(text)
	return m, check(text) == nil && unmarshal(text, &m) == nil
}

// unmarshal keeps numbers as they were written: a seq above 2^53 would lose its last digits as a float64.
func unmarshal(value []byte, into any) error {
	return jsonv2.Unmarshal(value, into, options)
}

var options = jsonv2.JoinOptions(jsonv2.WithUnmarshalers(numbers), jsontext.AllowDuplicateNames(true)) // check found none

var numbers = jsonv2.UnmarshalFromFunc(func(d *jsontext.Decoder, into *any) error {
	if d.PeekKind() != '0' {
		return errors.ErrUnsupported
	}
	number, err := d.ReadValue()
	*into = json.Number(number)
	return err
})
