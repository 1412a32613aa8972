package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"studychat/auth"
	"studychat/db"
	"studychat/graph/persisted"
	"studychat/rate"
)

// Options is what the edge needs besides its resolvers.
type Options struct {
	Introspection bool // clients may read the schema, and errors may suggest names of it

	// Limiter bounds how fast mutations may come; each root field takes one permit of both buckets. nil: no limits, which
	// is for the one local user of a server without authentication.
	Limiter    rate.Limiter
	PerUser    rate.Limit // of the viewer
	PerAddress rate.Limit // of the client's address, as WithAddress tells; a whole class may sit behind one

	Documents   persisted.Store     // what clients register; nil: in memory
	Trusted     *persisted.Manifest // what CheckManifest has passed; nil: nothing
	TrustedMode persisted.Mode
}

// NewExecutor runs operations, with all that holds for every one of them; package transport carries them.
func NewExecutor(r *Resolver, o Options) *executor.Executor {
	r.people = newPeople(r.Repo, r.Log)
	exec := executor.New(executable(r))
	exec.SetDefaultRulesFn(validationRules(o.Introspection))
	exec.SetDisableSuggestion(!o.Introspection)
	parsed := newDocumentCache()
	exec.SetQueryCache(parsed)
	documents := newPersisted(o, r.Log)
	exec.Use(findDocument{documents})
	exec.Use(limits{known: parsed, introspection: o.Introspection, schema: schema})
	exec.Use(keepDocument{documents}) // after all that may refuse a document
	if o.Introspection {
		exec.Use(extension.Introspection{})
	}

	p := presenter{log: r.Log, hidden: !o.Introspection}
	exec.SetErrorPresenter(p.present)
	exec.SetRecoverFunc(p.recovered)
	exec.AroundOperations(p.admit)
	exec.AroundResponses(boundAnswer)
	exec.AroundRootFields(readAnew)
	exec.AroundResponses(wholeEvent)
	exec.AroundFields(countText)
	if o.Limiter != nil {
		exec.AroundOperations(rateLimit{presenter: p, limiter: o.Limiter, perUser: o.PerUser, perAddress: o.PerAddress}.permit)
	}
	exec.AroundOperations(r.remember)
	return exec
}

// remember stores who the viewer is, as the token says: only known users can be added to chats.
func (r *Resolver) remember(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	if who, err := auth.FromContext(ctx); err == nil {
		r.people.saw(ctx, who)
	}
	return next(ctx)
}

// admit refuses an operation that the transport cannot carry.
func (p presenter) admit(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	operation := graphql.GetOperationContext(ctx).Operation.Operation
	if _, streams := ctx.Value(cutKey{}).(func()); operation == ast.Subscription && !streams {
		return p.refuse(ctx, &db.Error{
			Code:    db.CodeBadUserInput,
			Message: "A subscription needs WebSocket (graphql-transport-ws) or Server-Sent Events (Accept: text/event-stream).",
		})
	}
	return next(ctx)
}

// refuse answers once with err: an interceptor that returned it again and again would keep a transport busy for ever.
func (p presenter) refuse(ctx context.Context, err error) graphql.ResponseHandler {
	return graphql.OneShot(&graphql.Response{Errors: gqlerror.List{p.present(ctx, err)}})
}

// Bounds of the cache of parsed documents: what a client may make us keep.
const (
	cachedDocuments   = 200      // the largest that pass the limits take 240 KB each when parsed
	cachedDocumentMax = 16 << 10 // bytes; larger documents are parsed each time
)

// documentCache remembers parsed and validated documents, but no large ones: an attacker could fill it with those.
type documentCache struct {
	*lru.LRU[*ast.QueryDocument]
}

func newDocumentCache() documentCache {
	return documentCache{lru.New[*ast.QueryDocument](cachedDocuments)}
}

// Add keeps a document unless it is large.
func (c documentCache) Add(ctx context.Context, query string, document *ast.QueryDocument) {
	if len(query) <= cachedDocumentMax {
		c.LRU.Add(ctx, query, document)
	}
}
