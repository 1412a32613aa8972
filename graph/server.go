package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"studychat/auth"
	"studychat/graph/generated"
	"studychat/graph/limits"
	"studychat/graph/people"
	"studychat/graph/persisted"
	"studychat/graph/plan"
	"studychat/rate"
)

// Options is what the edge needs besides its resolvers.
type Options struct {
	Introspection bool // clients may read the schema, and errors may suggest names of it

	// Limiter bounds how fast mutations may come; each root field takes one permit of both buckets. nil: no limits, which
	// is for the one local user of a server without authentication.
	Limiter    rate.Limiter
	PerUser    rate.Limit // of the viewer
	PerAddress rate.Limit // of the client's address, as Request says; a whole class may sit behind one

	Documents   persisted.Store     // what clients register; nil: in memory
	Trusted     *persisted.Manifest // what CheckManifest has passed; nil: nothing
	TrustedMode persisted.Mode
}

// Executor runs operations; package transport carries them.
type Executor struct {
	*executor.Executor

	presenter presenter
}

// NewExecutor makes an Executor with everything that applies to every operation.
func NewExecutor(r *Resolver, o Options) *Executor {
	p := presenter{log: r.Log, hidden: !o.Introspection}
	return newExecutor(r, o, p, newPlanned(r, p, unplanned(r)))
}

// unplanned executes operations on gqlgen's executor.
func unplanned(r *Resolver) graphql.ExecutableSchema {
	return generated.NewExecutableSchema(generated.Config{Schema: schema, Resolvers: r})
}

func newExecutor(r *Resolver, o Options, p presenter, es graphql.ExecutableSchema) *Executor {
	r.people = people.New(r.Repo, r.Log)
	exec := executor.New(es)
	exec.SetDefaultRulesFn(limits.Rules(o.Introspection))
	exec.SetDisableSuggestion(!o.Introspection)
	limit, documents := limits.New(schema, o.Introspection), persisted.NewLookup(o.Documents, o.Trusted, o.TrustedMode, r.Log)
	exec.SetQueryCache(limit.Documents())
	exec.Use(persisted.Finder{Lookup: documents})
	exec.Use(limit)
	exec.Use(persisted.Keeper{Lookup: documents}) // after everything that may refuse a document
	if o.Introspection {
		exec.Use(extension.Introspection{})
	}

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
	return &Executor{exec, p}
}

// Refuse is the answer to a request that a transport does not pass on: err, presented as every other error.
func (e *Executor) Refuse(ctx context.Context, err error) *graphql.Response {
	return &graphql.Response{Errors: gqlerror.List{e.presenter.present(ctx, err)}}
}

// panicked is the answer to an operation that panicked outside of the resolvers, whose panics are recovered where they happen.
func (e *Executor) panicked(ctx context.Context, cause any) *graphql.Response {
	return e.Refuse(ctx, e.presenter.recovered(ctx, cause))
}

// boundAnswer gives each answer a budget of its own. An answer with too much text is dropped whole: fields run at the same
// time, so chance decides which of them exceed the budget, and an error for each would be a large answer again.
func boundAnswer(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	request := RequestFrom(ctx)
	request.answer = newAnswer()
	response := next(WithRequest(ctx, request))
	if response == nil {
		return nil
	}
	if err := request.answer.budget.Exceeded(); err != nil {
		return &graphql.Response{Data: []byte("null"), Errors: gqlerror.List{err}}
	}
	return response
}

func countText(ctx context.Context, next graphql.Resolver) (any, error) {
	value, err := resolve(ctx, next)
	if n := plan.TextBytes(value); n > 0 && err == nil {
		if refused := answerFrom(ctx).budget.Add(n); refused != nil {
			return nil, refused
		}
	}
	return value, err
}

// remember stores who the viewer is, as the token says: only known users can be added to chats.
func (r *Resolver) remember(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	if who, err := auth.FromContext(ctx); err == nil {
		r.people.Saw(ctx, who)
	}
	return next(ctx)
}

// admit refuses an operation that the transport cannot carry.
func (p presenter) admit(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	operation := graphql.GetOperationContext(ctx).Operation.Operation
	if operation == ast.Subscription && RequestFrom(ctx).Disconnect == nil {
		return p.refuse(ctx, errNeedsStream)
	}
	return next(ctx)
}

// refuse answers once with err: a handler that returned it again and again would keep a transport busy for ever.
func (p presenter) refuse(ctx context.Context, err error) graphql.ResponseHandler {
	return graphql.OneShot(&graphql.Response{Errors: gqlerror.List{p.present(ctx, err)}})
}
