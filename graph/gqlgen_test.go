package graph

import (
	"context"

	"studychat/graph/generated"
	"studychat/graph/model"
	"studychat/graph/plan"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Tests drive the executor by gqlgen's own interface too, which its transports and its client know.
var _ graphql.GraphExecutor = (*Executor)(nil)

// prepared is where the operation waits between the two halves of gqlgen's interface.
const prepared = "prepared"

func (e *Executor) CreateOperationContext(ctx context.Context, params *graphql.RawParams) (*graphql.OperationContext, gqlerror.List) {
	o, refusal := e.Prepare(ctx, params)
	if refusal != nil {
		return &graphql.OperationContext{}, refusal.Errors
	}
	op := o.Context(o.variables)
	op.Stats.SetExtension(prepared, o)
	return op, nil
}

func (e *Executor) DispatchOperation(ctx context.Context, op *graphql.OperationContext) (graphql.ResponseHandler, context.Context) {
	o, _ := op.Stats.GetExtension(prepared).(*Operation)
	next := o.Stream(ctx)
	return func(context.Context) *graphql.Response { return next() }, ctx
}

func (e *Executor) DispatchError(_ context.Context, errs gqlerror.List) *graphql.Response {
	return &graphql.Response{Errors: errs}
}

func (e *Executor) PresentRecoveredError(ctx context.Context, cause any) error {
	return recovered(ctx, cause)
}

// Stream starts a subscription. Each call of next is the next answer, nil after the last. If the subscription could not start,
// the one answer holds the errors and no data.
func (o *Operation) Stream(ctx context.Context) (next func() *graphql.Response) {
	var answers graphql.ResponseHandler
	return func() (answer *graphql.Response) {
		defer func() {
			if cause := recover(); cause != nil {
				answer = o.executor.panicked(ctx, cause)
				answers = func(context.Context) *graphql.Response { return nil }
			}
			o.executor.answered(ctx, answer)
		}()
		if answers == nil {
			answers, ctx = o.start(ctx)
		}
		return answers(ctx)
	}
}

// start admits the operation and runs its plan, or hands it to gqlgen's executor.
func (o *Operation) start(ctx context.Context) (graphql.ResponseHandler, context.Context) {
	if err := o.executor.admit(ctx, o); err != nil {
		return graphql.OneShot(o.executor.refuse(ctx, err)), ctx
	}
	if p := o.plan(); p != nil {
		return o.run(ctx, p), ctx
	}
	return o.executor.dispatch(ctx, o.Context(o.variables))
}

// run returns the answers of a plan one after the other, as gqlgen's executor does.
func (o *Operation) run(ctx context.Context, p *plan.Plan) graphql.ResponseHandler {
	if p.Kind() == ast.Subscription {
		return o.events(ctx, p)
	}
	done := false
	return func(ctx context.Context) *graphql.Response {
		if done || ctx.Err() != nil {
			return nil
		}
		done = true
		data, errs := p.Execute(ctx, o.variables, nil)
		return &graphql.Response{Data: data, Errors: errs}
	}
}

// events starts a subscription, whose events are the answers.
func (o *Operation) events(ctx context.Context, p *plan.Plan) graphql.ResponseHandler {
	var events <-chan model.ChatEvent
	errs := p.Start(ctx, o.variables, func(arguments any) (err error) {
		args, _ := arguments.(*generated.SubscriptionChatEventsArgs)
		events, err = o.executor.subscriptions.ChatEvents(ctx, args.ChatId, args.After)
		return err
	})
	if len(errs) > 0 {
		return graphql.OneShot(&graphql.Response{Errors: errs})
	}
	return func(ctx context.Context) *graphql.Response {
		select {
		case event, ok := <-events:
			if !ok || ctx.Err() != nil {
				return nil
			}
			data, errs := p.RenderEvent(ctx, o.variables, event, nil)
			return &graphql.Response{Data: data, Errors: errs}
		case <-ctx.Done():
			return nil
		}
	}
}
