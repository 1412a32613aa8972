package transport

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"studychat/db"
	"studychat/graph"
	"studychat/graph/outcome"
	"studychat/transport/admission"
	"studychat/transport/stats"
)

// runner runs operations.
type runner struct {
	refusals
	quotas     quotas
	overloaded func(mutation bool) bool // nil: never
	trace      func(ctx context.Context, o Traced) (traced context.Context, traceparent string, end func(code string))
}

// operation is one GraphQL operation, the same on every transport. It is prepared (parsed, validated, checked against the
// limits), then run: a query or mutation by answerTo, a subscription by Follow.
type operation struct {
	*runner
	*graph.Operation

	ctx   context.Context
	trace func(code string) // ends the span; nil: it has none
}

// ran counts an operation that began with its request, and logs what is worth it. op is nil when it was refused before it was prepared,
// answer is nil for a subscription that has begun, and status is 0 where the answer has none of its own.
func (u *runner) ran(ctx context.Context, transport string, op *operation, answer *graphql.Response, status int) {
	kind := stats.Operation{Transport: transport, Code: cmp.Or(string(codeOf(answer)), stats.OK)}
	var prepared *graph.Operation
	if op != nil {
		ctx, prepared = op.ctx, op.Operation
		kind.Type, kind.Name = string(op.Kind()), op.TrustedName()
	}
	if kind.Code == string(db.CodeRateLimited) {
		u.warnings.Warn(ctx, admission.RateLimited)
	}
	took := time.Since(graph.RequestFrom(ctx).Began)
	u.stats.Operations.Of(kind).Observe(took)
	if op != nil && op.trace != nil {
		op.trace(kind.Code)
	}
	u.executor.Ran(ctx, prepared, answer, outcome.Operation{Transport: transport, Status: status, Code: kind.Code, Took: took})
}

// prepare does everything before execution. If it returns a refusal, that is the answer.
func (u *runner) prepare(ctx context.Context, in *incoming) (op *operation, refusal *graphql.Response) {
	prepared, refusal := u.executor.Prepare(ctx, in.RawParams)
	if refusal != nil {
		return nil, refusal
	}
	op = &operation{runner: u, Operation: prepared, ctx: ctx}
	if in.large && op.streams() { // it would be kept as long as the subscription lasts
		return nil, u.failure(ctx, db.CodeBadUserInput, fmt.Sprintf("The request of a subscription must have at most %d bytes.", smallBody))
	}
	if u.trace != nil {
		op.begin() // from here on, every way ends in ran
	}
	return op, nil
}

// begin begins the operation's span, of which its context and its lines in the log are a part.
func (op *operation) begin() {
	of := graph.RequestFrom(op.ctx)
	ctx, trace, end := op.runner.trace(op.ctx, Traced{of.Trace, string(op.Kind()), op.Definition.Name, of.ID, of.Began})
	of.Trace, op.trace = trace, end
	op.ctx = graph.WithRequest(ctx, of)
}

// shed refuses a prepared query or mutation that would only wait for the database. What waits already goes on, and so do streams.
func (u *runner) shed(op *operation) *graphql.Response {
	if u.overloaded == nil || op.streams() || !u.overloaded(op.Kind() == ast.Mutation) {
		return nil
	}
	u.stats.Shed.Of(string(op.Kind())).Add(1)
	u.warnings.Warn(op.ctx, admission.Overloaded)
	wait := time.Second + rand.N(2*time.Second) //nolint:gosec // so that clients do not come back all at once
	return u.later(op.ctx, db.CodeUnavailable, "The server has too much to do at the moment. Try again a little later.", wait)
}

// streams says whether the operation may have more than one answer.
func (op *operation) streams() bool { return op.Kind() == ast.Subscription }

// answerTo calls put with the answer of a query or mutation. A large one is counted until it is written. Events are not counted: they
// are small, and a stream that lost one would have to be disconnected.
func (op *operation) answerTo(transport string, put func(answer []byte) error) error {
	ctx, cancel := context.WithTimeout(op.ctx, answerTimeout)
	defer cancel()
	result := op.Answer(ctx, nil)
	op.ran(ctx, transport, op, result, 0)
	answer := payload(result)
	release, ok := op.quotas.answer(ctx, answer)
	if !ok {
		return put(payload(op.tooMuchWaits(ctx)))
	}
	defer release()
	return put(answer)
}

// follow runs an operation, whose answers go to the sink. It returns when there is no more, or when a subscription goes on by
// itself. It calls placeless for a query or mutation, which needs no place in the log.
func (u *runner) follow(ctx context.Context, in *incoming, mayMutate bool, placeless func(), sink *eventSink) {
	defer in.release()
	op, refusal := u.prepare(ctx, in)
	if refusal == nil && !mayMutate && op.Kind() == ast.Mutation {
		refusal = u.failure(ctx, db.CodeBadUserInput, "A GET may not mutate. Use POST.")
	}
	if refusal == nil {
		refusal = u.shed(op)
	}
	if refusal == nil && op.streams() {
		var subscription *graph.Subscription
		if subscription, refusal = op.Follow(op.ctx, sink); refusal == nil {
			u.ran(ctx, stats.Events, op, nil, 0)
			sink.op.keep(subscription)
			return
		}
	}
	put := func(answer []byte) error { return sink.Put(ctx, graph.Answer{Payload: answer}) }
	if refusal != nil {
		u.ran(ctx, stats.Events, op, refusal, 0)
		_ = put(payload(refusal))
	} else {
		placeless()
		_ = op.answerTo(stats.Events, put) // fails only with the stream
	}
	sink.End()
}

func (u *runner) tooMuchWaits(ctx context.Context) *graphql.Response {
	return u.later(ctx, db.CodeRateLimited, "Too much waits for you already: read the answers that you asked for.", time.Second)
}

// codeOf is the code of an answer's first error, or "". answer may be nil.
func codeOf(answer *graphql.Response) db.Code {
	if answer == nil || len(answer.Errors) == 0 {
		return ""
	}
	code, _ := answer.Errors[0].Extensions["code"].(string)
	return db.Code(code)
}

// status is the HTTP status of a request error (GraphQL over HTTP, draft, 6.4.2).
func status(code db.Code) int {
	switch code {
	case db.CodeUnauthenticated:
		return http.StatusUnauthorized
	case db.CodeForbidden:
		return http.StatusForbidden
	case db.CodeRateLimited:
		return http.StatusTooManyRequests
	case db.CodeUnavailable:
		return http.StatusServiceUnavailable
	case db.CodeInternal:
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// retryAfter is the Retry-After of an answer whose first error says when to come back, or "".
func retryAfter(answer *graphql.Response) string {
	if len(answer.Errors) == 0 {
		return ""
	}
	ms, err := strconv.Atoi(fmt.Sprint(answer.Errors[0].Extensions["retryAfterMs"]))
	if err != nil {
		return ""
	}
	return strconv.Itoa((ms + 999) / 1000)
}
