package graph

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"studychat/auth"
	"studychat/db"
	"studychat/graph/persisted"
)

// errNotPersisted asks the client to send the document itself: Apollo's links wait for it, with this very message.
var errNotPersisted = &db.Error{Code: "PERSISTED_QUERY_NOT_FOUND", Message: "PersistedQueryNotFound"}

// Where a request names its document; transports put a top-level documentId, doc_id or id under the second.
const (
	persistedQueryKey = "persistedQuery"
	documentIDKey     = "documentId"
	persistedQuery    = "extensions." + persistedQueryKey
	documentID        = "extensions." + documentIDKey
)

// persistedDocuments turns the name of a document into the document, and refuses what is not trusted where only that may run.
//
// A request names its document by extensions.persistedQuery {version: 1, sha256Hash} (Apollo's automatic persisted
// queries; it wins over the other) or by extensions.documentId (GraphQL over HTTP, appendix A). With a name alone the
// document is looked up. With name and document, a name that is a SHA-256 must be the document's own; the document is
// kept for others under it, but only after it was found valid and within the limits.
//
// gqlgen's own AutomaticPersistedQuery keeps documents before they are parsed, and of any size; a viewer is not asked
// for; keys in any case and versions such as 1.9 pass; its errors have no code of ours.
type persistedDocuments struct {
	store   persisted.Store
	trusted *persisted.Manifest
	mode    persisted.Mode
	log     *slog.Logger
	strange *onceEach
}

func newPersisted(o Options, log *slog.Logger) *persistedDocuments {
	p := &persistedDocuments{store: o.Documents, trusted: o.Trusted, mode: o.TrustedMode, log: log, strange: &onceEach{}}
	if p.store == nil {
		p.store = persisted.NewMemory(0)
	}
	if p.trusted == nil || p.mode != persisted.Log && p.mode != persisted.Enforce {
		p.trusted = &persisted.Manifest{}
	}
	return p
}

// findDocument is the half of persistedDocuments that comes before the limits, which then measure the document and not its name.
type findDocument struct{ *persistedDocuments }

// keepDocument is the half that comes after them.
type keepDocument struct{ *persistedDocuments }

var (
	_ graphql.OperationParameterMutator = findDocument{}
	_ graphql.OperationContextMutator   = keepDocument{}
)

// ExtensionName is for gqlgen.
func (*persistedDocuments) ExtensionName() string { return "PersistedDocuments" }

// Validate is for gqlgen.
func (*persistedDocuments) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters puts the document into params. Nobody learns without a token which documents there are.
func (p findDocument) MutateOperationParameters(ctx context.Context, params *graphql.RawParams) *gqlerror.Error {
	if _, err := auth.FromContext(ctx); err != nil {
		return gqlerror.WrapPath(nil, err)
	}
	if err := p.find(ctx, params); err != nil {
		return gqlerror.WrapPath(nil, err)
	}
	return nil
}

func (p *persistedDocuments) find(ctx context.Context, params *graphql.RawParams) error {
	id, field, err := p.name(params.Extensions)
	if err != nil {
		return err
	}
	document, trusted := p.trusted.Document(id)
	switch {
	case trusted && params.Query == "":
		params.Query = document
	case trusted && params.Query != document:
		return db.BadInput(field, "is the id of another document than the query of the request")
	case trusted:
	case params.Query == "" && id != "":
		return p.lookUp(ctx, id, params)
	case p.mode == persisted.Enforce:
		return p.admitText(params.Query)
	case persisted.IsHash(id):
		return register(ctx, id, field, params.Query)
	}
	return nil
}

// name is what the request calls its document, or "", and the field where it does.
func (p *persistedDocuments) name(extensions map[string]any) (id, field string, err error) {
	if extension := extensions[persistedQueryKey]; extension != nil {
		id, err = p.hashOf(extension)
		return id, persistedQuery, err
	}
	if value := extensions[documentIDKey]; value != nil {
		text, ok := value.(string)
		if !ok {
			return "", "", db.BadInput(documentID, "must be a text")
		}
		return persisted.CanonicalID(text), documentID, nil
	}
	return "", "", nil
}

// hashOf reads Apollo's extension. With a manifest, clients send the ids of that in the place of the hash.
func (p *persistedDocuments) hashOf(extension any) (string, error) {
	members, _ := extension.(map[string]any)
	hash, isText := members["sha256Hash"].(string)
	switch {
	case members == nil || !isText:
		return "", db.BadInput(persistedQuery, "must be an object {version: 1, sha256Hash: \"…\"}")
	case !isOne(members["version"]):
		return "", db.BadInput(persistedQuery, "must have the version 1")
	case p.trusted.Len() > 0:
		return persisted.CanonicalID(hash), nil
	case !persisted.IsHash(hash):
		return "", db.BadInput(persistedQuery, "must have a sha256Hash of 64 lower-case hexadecimal digits")
	}
	return hash, nil
}

// isOne knows the numbers that decoders of JSON make, with UseNumber and without.
func isOne(value any) bool {
	switch n := value.(type) {
	case json.Number:
		f, err := n.Float64()
		return err == nil && f == 1
	case float64:
		return n == 1
	case int64:
		return n == 1
	case int:
		return n == 1
	}
	return false
}

// lookUp finds what clients have registered. Where only trusted documents run, nobody registers any.
func (p *persistedDocuments) lookUp(ctx context.Context, id string, params *graphql.RawParams) error {
	if p.mode != persisted.Enforce && persisted.IsHash(id) {
		if document, ok := p.store.Get(ctx, id); ok {
			params.Query = document
			return nil
		}
	}
	return errNotPersisted
}

func (p *persistedDocuments) admitText(document string) error {
	if document == "" || p.trusted.Holds(document) {
		return nil // without a document gqlgen says what is missing
	}
	return db.Forbidden("This server runs only trusted documents: those that its clients were built with.")
}

// registration is where the hash of a document waits until it is found valid.
const registration = "documents.registration"

func register(ctx context.Context, hash, field, document string) error {
	if persisted.Hash(document) != hash {
		return db.BadInput(field, "is not the SHA-256 of the query")
	}
	graphql.GetOperationContext(ctx).Stats.SetExtension(registration, hash)
	return nil
}

// MutateOperationContext keeps the document that is to be kept, and notes one that will not run any more with Enforce.
func (p keepDocument) MutateOperationContext(ctx context.Context, op *graphql.OperationContext) *gqlerror.Error {
	if hash, ok := op.Stats.GetExtension(registration).(string); ok {
		p.store.Put(ctx, hash, op.RawQuery)
	}
	if p.mode == persisted.Log && !p.trusted.Holds(op.RawQuery) {
		// The text stays out of the log: it may hold what its user wrote.
		if hash := persisted.Hash(op.RawQuery); p.strange.first(hash) {
			p.log.WarnContext(ctx, "a document ran that is not trusted", "operation", shorten(op.Operation.Name, maxMessage), "hash", hash)
		}
	}
	return nil
}
