package persisted

import (
	"fmt"
	"log/slog"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	lru "github.com/hashicorp/golang-lru/v2"

	"studychat/db"
)

// errNotPersisted asks the client to send the document itself: Apollo's links wait for exactly this message.
var errNotPersisted = &db.Error{Code: "PERSISTED_QUERY_NOT_FOUND", Message: "PersistedQueryNotFound"}

// Where a request names its document; transports put a top-level documentId, doc_id or id under the second.
const (
	persistedQueryKey = "persistedQuery"
	documentIDKey     = "documentId"
	persistedQuery    = "extensions." + persistedQueryKey
	documentID        = "extensions." + documentIDKey
)

// Lookup turns the name of a document into the document, and refuses untrusted documents in the mode Enforce.
//
// A request names its document by extensions.persistedQuery {version: 1, sha256Hash} (Apollo's automatic persisted
// queries; it wins over the other) or by extensions.documentId (GraphQL over HTTP, appendix A). With a name alone the
// document is looked up. With name and document, a name that is a SHA-256 must be the document's own, and the document is
// kept under it for everybody, but only after it was found valid and within the limits.
//
// A document that another instance keeps is not found here: its client gets PERSISTED_QUERY_NOT_FOUND and sends the text
// once more, as the protocol says.
//
// gqlgen's own AutomaticPersistedQuery keeps documents before they are parsed, and of any size; it does not ask for a
// viewer; it accepts keys in any case and versions such as 1.9; its errors lack our codes.
type Lookup struct {
	store   Store
	trusted *Manifest
	mode    Mode
	log     *slog.Logger
	logged  *lru.Cache[string, struct{}] // hashes of the untrusted documents that were logged
}

// NewLookup makes a Lookup. Without a store it keeps documents in memory; without a manifest it trusts none.
func NewLookup(store Store, trusted *Manifest, mode Mode, log *slog.Logger) *Lookup {
	logged, _ := lru.New[string, struct{}](maxLogged) // fails for sizes below 1 alone
	l := &Lookup{store: store, trusted: trusted, mode: mode, log: log, logged: logged}
	if l.store == nil {
		l.store = NewMemory(0)
	}
	if l.trusted == nil || l.mode != Log && l.mode != Enforce {
		l.trusted = &Manifest{}
	}
	return l
}

// Find puts the document that the request names into params. register is its hash if its client registers it: Keep keeps it
// after it was found valid.
func (l *Lookup) Find(params *graphql.RawParams) (register string, err error) {
	if len(params.Extensions) == 0 && l.mode != Enforce {
		return "", nil
	}
	id, field, err := l.name(params.Extensions)
	if err != nil {
		return "", err
	}
	document, trusted := l.trusted.Document(id)
	switch {
	case trusted && params.Query == "":
		params.Query = document
	case trusted && params.Query != document:
		return "", db.BadInput(field, "is the id of another document than the query of the request")
	case trusted:
	case params.Query == "" && id != "":
		return "", l.lookUp(id, params)
	case l.mode == Enforce:
		return "", l.admitText(params.Query)
	case IsHash(id):
		return id, checkHash(id, field, params.Query)
	}
	return "", nil
}

// Trusts says whether exactly this text is a trusted document.
func (l *Lookup) Trusts(document string) bool { return l.trusted.Holds(document) }

// name is the name that the request gives its document, or "", and the field that holds it.
func (l *Lookup) name(extensions map[string]any) (id, field string, err error) {
	if extension := extensions[persistedQueryKey]; extension != nil {
		id, err = l.hashOf(extension)
		return id, persistedQuery, err
	}
	if value := extensions[documentIDKey]; value != nil {
		text, ok := value.(string)
		if !ok {
			return "", "", db.BadInput(documentID, "must be a text")
		}
		return CanonicalID(text), documentID, nil
	}
	return "", "", nil
}

// hashOf reads Apollo's extension. With a manifest, clients send its ids instead of the hash.
func (l *Lookup) hashOf(extension any) (string, error) {
	members, _ := extension.(map[string]any)
	hash, isText := members["sha256Hash"].(string)
	switch {
	case members == nil || !isText:
		return "", db.BadInput(persistedQuery, "must be an object {version: 1, sha256Hash: \"…\"}")
	case !isOne(members["version"]):
		return "", db.BadInput(persistedQuery, "must have the version 1")
	case l.trusted.Len() > 0:
		return CanonicalID(hash), nil
	case !IsHash(hash):
		return "", db.BadInput(persistedQuery, "must have a sha256Hash of 64 lower-case hexadecimal digits")
	}
	return hash, nil
}

// isOne accepts the types of numbers that JSON decoders make.
func isOne(value any) bool {
	_, isText := value.(string)
	n, err := strconv.ParseFloat(fmt.Sprint(value), 64)
	return !isText && err == nil && n == 1
}

// lookUp finds a document that clients registered. In the mode Enforce clients register none.
func (l *Lookup) lookUp(id string, params *graphql.RawParams) error {
	if l.mode != Enforce && IsHash(id) {
		if document, ok := l.store.Get(id); ok {
			params.Query = document
			return nil
		}
	}
	return errNotPersisted
}

func (l *Lookup) admitText(document string) error {
	if document == "" || l.trusted.Holds(document) {
		return nil // gqlgen refuses a request without a document
	}
	return db.Forbidden("This server runs only trusted documents: those that its clients were built with.")
}

func checkHash(hash, field, document string) error {
	if Hash(document) != hash {
		return db.BadInput(field, "is not the SHA-256 of the query")
	}
	return nil
}
