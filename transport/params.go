package transport

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/99designs/gqlgen/graphql"
)

// badRequest says why a request never became an operation. It never holds anything of the request.
type badRequest struct {
	status  int
	message string
}

// Error makes badRequest an error, so that decoders can return it as one.
func (b *badRequest) Error() string { return b.message }

var (
	errTooLarge   = &badRequest{http.StatusRequestEntityTooLarge, fmt.Sprintf("The body must have at most %d bytes.", MaxBody)}
	errTooMuch    = &badRequest{http.StatusRequestEntityTooLarge, fmt.Sprintf("The JSON must have at most %d bytes besides the texts in it.", smallBody)}
	errNoObject   = &badRequest{http.StatusBadRequest, "The body must be a JSON object with a query and, if needed, variables, operationName and extensions."}
	errDuplicate  = &badRequest{http.StatusBadRequest, "The JSON has a key twice in one object."}
	errTooDeep    = &badRequest{http.StatusBadRequest, "The JSON is nested deeper than 64 levels."}
	errNoQuery    = &badRequest{http.StatusBadRequest, "The request needs a query: a text in the key \"query\"."}
	errBatch      = &badRequest{http.StatusBadRequest, "One operation per request: lists of operations are not taken."}
	errParameters = &badRequest{http.StatusBadRequest, "The parameters must be query and, if needed, operationName, variables and extensions, each once, the last two JSON objects."}
)

// decodeParams reads the JSON object of a request: the parameters of GraphQL over HTTP (draft, 5.1), and the id of a
// persisted document under each name that clients use for it. Keys are taken as they are written: encoding/json alone
// would take "QUERY" too, and the last of two, while a proxy in front of us may have looked at the first.
func decodeParams(body []byte) (*graphql.RawParams, error) {
	if err := checkJSON(body); err != nil {
		return nil, err
	}
	return paramsOf(body)
}

// paramsOf reads what is part of something checked.
func paramsOf(body []byte) (*graphql.RawParams, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil || object == nil {
		return nil, errNoObject
	}
	params := &graphql.RawParams{}
	for key, into := range map[string]any{
		"query": &params.Query, "operationName": &params.OperationName,
		"variables": &params.Variables, "extensions": &params.Extensions,
	} {
		if value, given := object[key]; given && decode(value, into) != nil {
			return nil, errNoObject
		}
	}
	for _, key := range documentIDs {
		var id string
		if value, given := object[key]; given && json.Unmarshal(value, &id) == nil {
			setDocumentID(params, id)
		}
	}
	return params, needsDocument(params)
}

// documentIDs are the names under which clients send the id of a persisted document: GraphQL over HTTP's own, Relay's two.
var documentIDs = []string{"documentId", "doc_id", "id"}

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

// decodeQuery reads the parameters of a GET (GraphQL over HTTP, draft, 6.2): variables and extensions are JSON in a text.
func decodeQuery(rawQuery string) (*graphql.RawParams, error) {
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, errParameters
	}
	for _, key := range []string{"query", "operationName", "variables", "extensions"} {
		if len(values[key]) > 1 { // a proxy may have looked at the other one
			return nil, errParameters
		}
	}
	params := &graphql.RawParams{Query: values.Get("query"), OperationName: values.Get("operationName")}
	for key, into := range map[string]any{"variables": &params.Variables, "extensions": &params.Extensions} {
		text := showBrokenUTF8([]byte(values.Get(key)))
		if len(text) == 0 {
			continue
		}
		if err := checkJSON(text); err != nil {
			return nil, err
		}
		if decode(text, into) != nil {
			return nil, errParameters
		}
	}
	for _, key := range documentIDs {
		setDocumentID(params, values.Get(key))
	}
	return params, needsDocument(params)
}

// decode keeps numbers as they were written: a seq above 2^53 would lose its last digits as a float64.
func decode(value []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber()
	return d.Decode(into)
}
