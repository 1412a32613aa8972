package graph

import (
	"context"
	"errors"
	"maps"
	"runtime/debug"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"studychat/db"
	"studychat/graph/limits"
	"studychat/graph/outcome"
	"studychat/metrics/tally"
)

// presenter is the one place where an error becomes part of an answer; transports ask it too. What it lets through:
//
//   - a db.Error: its code, message and field;
//   - an error of GraphQL itself (syntax, validation), which gqlgen makes without a cause: its message, without what
//     hideSchema takes out;
//   - anything else is our own fault: INTERNAL with the request's id, under which the log tells more.
//
// What it presents keeps in Err what the log shall know, which is never encoded. Executor.answered adds the request's id.
type presenter struct {
	hidden bool // clients may not learn of the schema
}

func (p presenter) present(ctx context.Context, err error) *gqlerror.Error {
	out := graphql.DefaultErrorPresenter(ctx, err)
	if own, ok := errors.AsType[*db.Error](err); ok {
		return p.presentOwn(ctx, out, own)
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		// The client is gone, or a deadline of the server has passed.
		return show(out, db.CodeUnavailable, "The request took too long.")
	case out.Err == nil:
		return p.presentGraphQL(out)
	}
	return p.mask(ctx, out, err)
}

func (p presenter) presentGraphQL(out *gqlerror.Error) *gqlerror.Error {
	code, _ := out.Extensions["code"].(string)
	if code == "" {
		code = errcode.ValidationFailed
	}
	shown := show(out, db.Code(code), out.Message)
	if p.hidden {
		shown.Message, shown.Path = hideSchema(out)
	}
	if out.Message == "operation  not found" { // gqlgen's message for a document with several operations and no operationName
		shown.Message = "The document has several operations: operationName must name one."
	}
	shown.Message, shown.Path = limits.Shorten(shown.Message, limits.MaxMessage), limits.ShortenPath(shown.Path)
	addLimit(shown, out)
	return shown
}

// addLimit adds the limit that was exceeded, and the value that exceeds it.
func addLimit(shown, out *gqlerror.Error) {
	for _, detail := range []string{"limit", "value"} {
		if value, ok := out.Extensions[detail]; ok {
			shown.Extensions[detail] = value
		}
	}
}

func (p presenter) presentOwn(ctx context.Context, out *gqlerror.Error, own *db.Error) *gqlerror.Error {
	if own.Code == db.CodeInternal {
		return p.mask(ctx, out, own)
	}
	shown := show(out, own.Code, own.Message)
	if own.Code == db.CodeUnavailable && own.Err != nil {
		shown.Err = own
	}
	addLimit(shown, out)
	if field := fieldAtFault(out, own); field != "" {
		shown.Extensions["field"] = field
	}
	if own.RetryAfter > 0 {
		shown.Extensions["retryAfterMs"] = wholeMs(own.RetryAfter)
	}
	return shown
}

func (p presenter) mask(ctx context.Context, out *gqlerror.Error, err error) *gqlerror.Error {
	shown := show(out, db.CodeInternal, "Something went wrong on our side. Request "+RequestFrom(ctx).ID+".")
	shown.Err = err
	return shown
}

// fieldAtFault is the argument or the input field that the error is about. A scalar does not know its field; the path of its
// error does.
func fieldAtFault(out *gqlerror.Error, own *db.Error) string {
	if own.Code != db.CodeBadUserInput || own.Field != "" || len(out.Path) < 2 {
		return own.Field
	}
	name, _ := out.Path[len(out.Path)-1].(ast.PathName)
	return string(name)
}

// show keeps the place of the error, and nothing else of it.
func show(out *gqlerror.Error, code db.Code, message string) *gqlerror.Error {
	return &gqlerror.Error{
		Message:    message,
		Path:       out.Path,
		Locations:  out.Locations,
		Extensions: map[string]any{"code": string(code)},
	}
}

// recovered turns a panic in a resolver into an error; the presenter masks it.
func recovered(_ context.Context, cause any) error {
	return &db.Error{Code: db.CodeInternal, Message: "panic", Err: &outcome.Panic{Cause: cause, Stack: debug.Stack()}}
}

// errorCounts is how many errors clients were told, by code. An event that a group shares counts once.
type errorCounts struct {
	tally.Family[string, tally.Counter]
}

func (c *errorCounts) add(errs gqlerror.List) {
	for _, err := range errs {
		code, _ := err.Extensions["code"].(string)
		c.Of(code).Add(1)
	}
}

// answered completes an answer, which may be nil: each of its errors gets the id of the request, and is counted. Every answer passes here,
// once.
func (e *Executor) answered(ctx context.Context, answer *graphql.Response) {
	if answer != nil && len(answer.Errors) > 0 {
		e.errors.add(answer.Errors)
		answer.Errors = withRequest(answer.Errors, RequestFrom(ctx).ID)
	}
}

// withRequest returns the errors with the id of their request. They may be shared, so it changes copies.
func withRequest(errs gqlerror.List, id string) gqlerror.List {
	out := make(gqlerror.List, len(errs))
	for i, err := range errs {
		out[i] = new(*err)
		out[i].Extensions = maps.Clone(err.Extensions)
		if out[i].Extensions == nil {
			out[i].Extensions = map[string]any{}
		}
		out[i].Extensions["requestId"] = id
	}
	return out
}

// Errors is how many errors clients were told, by code. Codes are the server's, never a client's.
func (e *Executor) Errors() map[string]*tally.Counter { return e.errors.All() }
