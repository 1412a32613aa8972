package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
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
	return e.presenter.recovered(ctx, cause)
}
