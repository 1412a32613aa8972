package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"studychat/graph/generated"
	"studychat/graph/model"
	"studychat/graph/plan"
)

// planned executes operations by their plans. What plans do not cover, introspection, runs on gqlgen's executor.
type planned struct {
	graphql.ExecutableSchema

	planner    *plan.Planner
	resolver   *Resolver
	operations *lru.Cache[*ast.OperationDefinition, *plan.Operation]
}

// plannedOperations is for how many operations the plans are kept.
const plannedOperations = 1000

func newPlanned(r *Resolver, p presenter, unplanned graphql.ExecutableSchema) *planned {
	operations, _ := lru.New[*ast.OperationDefinition, *plan.Operation](plannedOperations) // fails for sizes below 1 alone
	return &planned{unplanned, newPlanner(r, p), r, operations}
}

func newPlanner(r *Resolver, p presenter) *plan.Planner {
	return generated.NewPlanner(r, plan.Options{
		Begin:   beginAnswer,
		Present: p.present,
		Recover: p.recovered,
		Renew:   func(ctx context.Context) { answerFrom(ctx).batches.Clear() },
		Await:   await,
	})
}

// beginAnswer gives an answer a budget of its own, unless ctx has one that no plan has used yet.
func beginAnswer(ctx context.Context, p *plan.Plan) (context.Context, plan.Budget) {
	request := RequestFrom(ctx)
	if request.answer == nil || request.answer.plan != nil {
		request.answer = newAnswer()
		ctx = WithRequest(ctx, request)
	}
	request.answer.plan = p
	return ctx, request.answer.budget
}

// Exec implements graphql.ExecutableSchema.
func (e *planned) Exec(ctx context.Context) graphql.ResponseHandler {
	op := graphql.GetOperationContext(ctx)
	operation, ok := e.operations.Get(op.Operation)
	if !ok {
		operation = e.planner.Operation(op.Doc, op.Operation)
		e.operations.Add(op.Operation, operation)
	}
	p := operation.Plan(op.Variables)
	switch {
	case p == nil:
		return e.ExecutableSchema.Exec(ctx)
	case p.Kind() == ast.Subscription:
		return e.follow(ctx, op.Variables, p)
	}
	done := false
	return func(ctx context.Context) *graphql.Response {
		if done {
			return nil
		}
		done = true
		data, errs := p.Execute(ctx, op.Variables, nil)
		return &graphql.Response{Data: data, Errors: errs}
	}
}

// follow starts a subscription, whose events are the answers.
func (e *planned) follow(ctx context.Context, vars map[string]any, p *plan.Plan) graphql.ResponseHandler {
	var events <-chan model.ChatEvent
	errs := p.Start(ctx, vars, func(arguments any) (err error) {
		args, _ := arguments.(*generated.SubscriptionChatEventsArgs)
		events, err = e.resolver.Subscription().ChatEvents(ctx, args.ChatId, args.After)
		return err
	})
	if len(errs) > 0 {
		return graphql.OneShot(&graphql.Response{Errors: errs})
	}
	return func(ctx context.Context) *graphql.Response {
		select {
		case event, ok := <-events:
			if !ok {
				return nil
			}
			data, errs := p.RenderEvent(ctx, vars, event, nil)
			return &graphql.Response{Data: data, Errors: errs}
		case <-ctx.Done():
			return nil
		}
	}
}
