package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"studychat/graph/generated"
	"studychat/graph/model"
	"studychat/graph/plan"
)

func newPlanner(r *Resolver, p presenter) *plan.Planner {
	return generated.NewPlanner(r, plan.Options{
		Begin:   beginAnswer,
		Present: p.present,
		Recover: p.recovered,
		Renew:   func(ctx context.Context) { answerFrom(ctx).renew() },
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

// plan is the operation's plan; nil for what plans do not cover: introspection.
func (o *Operation) plan() *plan.Plan {
	if o.executor.planner == nil {
		return nil
	}
	return o.Plan(o.executor.planner, o.variables)
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
