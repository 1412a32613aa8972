package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"studychat/auth"
	"studychat/db"
	"studychat/graph/documents"
	"studychat/graph/outcome"
)

// Operation is one operation of a request that has passed everything before execution. It runs once: a query or mutation by
// Answer, a subscription by Stream.
type Operation struct {
	*documents.Operation

	executor  *Executor
	variables map[string]any
}

// Prepare does everything before execution: it finds, parses and validates the document, and checks it and its variables
// against the limits. If it returns a refusal, that is the answer. ctx carries the viewer and the Request.
func (e *Executor) Prepare(ctx context.Context, params *graphql.RawParams) (o *Operation, refusal *graphql.Response) {
	defer func() {
		if cause := recover(); cause != nil {
			o, refusal = nil, e.panicked(ctx, cause)
		}
		e.answered(ctx, refusal)
	}()
	if _, err := auth.FromContext(ctx); err != nil { // first: who has no token learns nothing of documents
		return nil, e.refuse(ctx, err)
	}
	register, err := e.persisted.Find(params)
	if err != nil {
		return nil, e.refuse(ctx, err)
	}
	document, errs := e.documents.Open(params.Query)
	if len(errs) > 0 {
		return nil, e.refuseAll(ctx, errs)
	}
	operation, unknown := document.Operation(params.OperationName)
	if unknown != nil {
		return nil, e.refuse(ctx, unknown)
	}
	variables, fault, err := operation.Variables(params.Variables)
	switch {
	case fault != nil:
		return nil, &graphql.Response{Errors: gqlerror.List{fault.Present(e.presenter.hidden)}}
	case err != nil:
		return nil, e.refuse(ctx, err)
	}
	e.persisted.Keep(ctx, register, document.Text, operation.Definition.Name)
	return &Operation{operation, e, variables}, nil
}

// Kind is query, mutation or subscription.
func (o *Operation) Kind() ast.Operation { return o.Definition.Operation }

// TrustedName is the operation's name if its document is trusted, else "": clients choose other names freely.
func (o *Operation) TrustedName() string {
	if !o.executor.persisted.Trusts(o.Document.Text) {
		return ""
	}
	return o.Definition.Name
}

// Answer runs a query or mutation. Its answer is never nil: when the time of ctx was over before the operation began, perhaps
// because the process was frozen, it says so. A subscription is refused. The data may be in the memory of buffer, so the caller
// uses that again only when it does not need the answer any more.
func (o *Operation) Answer(ctx context.Context, buffer []byte) (answer *graphql.Response) {
	defer func() {
		if cause := recover(); cause != nil {
			answer = o.executor.panicked(ctx, cause)
		}
		o.executor.answered(ctx, answer)
	}()
	if o.Kind() == ast.Subscription {
		return o.executor.refuse(ctx, errNeedsStream)
	}
	if err := o.executor.admit(ctx, o); err != nil {
		return o.executor.refuse(ctx, err)
	}
	if err := ctx.Err(); err != nil {
		return o.executor.refuse(ctx, context.DeadlineExceeded)
	}
	if p := o.plan(); p != nil {
		data, errs := p.Execute(ctx, o.variables, buffer[:0])
		return &graphql.Response{Data: data, Errors: errs}
	}
	answers, ctx := o.executor.dispatch(ctx, o.Context(o.variables))
	if answer = answers(ctx); answer == nil {
		answer = o.executor.refuse(ctx, context.DeadlineExceeded)
	}
	return answer
}

// Ran tells the log what became of an operation: at most one line, and none of a quick one whose errors are the client's mistakes. o is nil
// for one that could not be prepared. A subscription has run when it has its place in the log.
func (e *Executor) Ran(ctx context.Context, o *Operation, answer *graphql.Response, how outcome.Operation) {
	var errs gqlerror.List
	if answer != nil {
		errs = answer.Errors
	}
	if outcome.Quick(how.Took, errs) {
		return
	}
	if o != nil {
		how.Type, how.Name = string(o.Kind()), o.Definition.Name
	}
	if viewer, err := auth.FromContext(ctx); err == nil {
		how.User = viewer.ID
	}
	e.outcomes.Ran(ctx, originOf(ctx), how, errs)
}

// errNeedsStream refuses a subscription that the transport cannot carry.
var errNeedsStream = &db.Error{
	Code:    db.CodeBadUserInput,
	Message: "A subscription needs WebSocket (graphql-transport-ws) or Server-Sent Events (Accept: text/event-stream).",
}
