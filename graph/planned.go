package graph

import (
	"context"

	"studychat/graph/generated"
	"studychat/graph/plan"
)

func newPlanner(r *Resolver, p presenter) *plan.Planner {
	return generated.NewPlanner(r, plan.Options{
		Begin:   beginAnswer,
		Present: p.present,
		Recover: recovered,
		Renew:   func(ctx context.Context) { answerFrom(ctx).renew() },
		Await:   await,
	})
}

// beginAnswer gives an answer a budget of its own, unless ctx has one that no plan has used yet.
func beginAnswer(ctx context.Context, p *plan.Plan) (context.Context, plan.Answer) {
	request := RequestFrom(ctx)
	if request.answer == nil || request.answer.plan != nil {
		request.answer = newAnswer()
		ctx = WithRequest(ctx, request)
	}
	request.answer.plan = p
	return ctx, request.answer
}

// plan is the operation's plan; nil for what plans do not cover: introspection.
func (o *Operation) plan() *plan.Plan {
	if o.executor.planner == nil {
		return nil
	}
	return o.Plan(o.executor.planner, o.variables)
}
