package graph

import (
	"context"
	"weak"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"studychat/auth"
	"studychat/graph/documents"
	"studychat/graph/generated"
	"studychat/graph/limits"
	"studychat/graph/outcome"
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
	presenter presenter
	persisted *persisted.Lookup
	documents *documents.Cache
	limiter   *rateLimit // nil: no limits
	people    *people.People
	errors    *errorCounts
	outcomes  *outcome.Log
	planner   *plan.Planner
	gqlgen    *executor.Executor

	subscriptions subscriptionResolver
	audiences     audiences
}

// NewExecutor makes an Executor with everything that applies to every operation.
func NewExecutor(r *Resolver, o Options) *Executor {
	r.people = people.New(r.Repo, r.Log)
	r.errors, r.outcomes = new(errorCounts), outcome.NewLog(r.Log)
	e := &Executor{
		presenter: presenter{hidden: !o.Introspection},
		persisted: persisted.NewLookup(o.Documents, o.Trusted, o.TrustedMode, r.Log),
		documents: documents.NewCache(limits.New(schema, o.Introspection), 0),
		people:    r.people,
		errors:    r.errors,
		outcomes:  r.outcomes,
		audiences: audiences{known: map[audienceKey]weak.Pointer[audience]{}},
		gqlgen:    executor.New(generated.NewExecutableSchema(generated.Config{Schema: schema, Resolvers: r})),
	}
	if o.Limiter != nil {
		e.limiter = &rateLimit{limiter: o.Limiter, perUser: o.PerUser, perAddress: o.PerAddress}
	}
	e.planner, e.subscriptions = newPlanner(r, e.presenter), subscriptionResolver{r}
	e.gqlgen.SetErrorPresenter(e.presenter.present)
	e.gqlgen.SetRecoverFunc(recovered)
	e.gqlgen.AroundResponses(boundAnswer)
	e.gqlgen.AroundResponses(wholeEvent)
	return e
}

// admit decides whether a prepared operation may start, and stores who the viewer is, as the token says: only known users can be
// added to chats.
func (e *Executor) admit(ctx context.Context, o *Operation) error {
	if o.Kind() == ast.Subscription && RequestFrom(ctx).Disconnect == nil {
		return errNeedsStream
	}
	if e.limiter != nil && o.Kind() == ast.Mutation {
		if err := e.limiter.permit(ctx, o.Context(o.variables)); err != nil {
			return err
		}
	}
	if who, err := auth.FromContext(ctx); err == nil {
		e.people.Saw(ctx, who)
	}
	return nil
}

// dispatch runs an operation on gqlgen's executor: what plans do not cover.
func (e *Executor) dispatch(ctx context.Context, op *graphql.OperationContext) (graphql.ResponseHandler, context.Context) {
	op.RecoverFunc, op.ResolverMiddleware, op.RootResolverMiddleware = recovered, countText, readAnew
	op.DisableIntrospection = e.presenter.hidden
	return e.gqlgen.DispatchOperation(ctx, op)
}

// Refuse is the answer to a request that a transport does not pass on: err, presented as every other error.
func (e *Executor) Refuse(ctx context.Context, err error) *graphql.Response {
	answer := e.refuse(ctx, err)
	e.answered(ctx, answer)
	e.outcomes.Failed(ctx, originOf(ctx), answer.Errors)
	return answer
}

func (e *Executor) refuse(ctx context.Context, err error) *graphql.Response {
	return &graphql.Response{Errors: gqlerror.List{e.presenter.present(ctx, err)}}
}

// refuseAll is Refuse for the errors of a document.
func (e *Executor) refuseAll(ctx context.Context, errs gqlerror.List) *graphql.Response {
	answer := &graphql.Response{}
	for _, err := range errs {
		answer.Errors = append(answer.Errors, e.presenter.present(ctx, err))
	}
	return answer
}

// panicked is the answer to an operation that panicked outside of the resolvers, whose panics are recovered where they happen.
func (e *Executor) panicked(ctx context.Context, cause any) *graphql.Response {
	return e.refuse(ctx, recovered(ctx, cause))
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
