package transport

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"studychat/db"
	"studychat/graph"
)

// runner runs operations.
type runner struct {
	refusals
	quotas quotas
}

// operation is one GraphQL operation, the same on every transport. It is prepared (parsed, validated, checked against the
// limits), then started, then asked for one answer after the other.
type operation struct {
	runner
	*graph.Operation

	ctx      context.Context
	stream   func() *graphql.Response // of a subscription that has started
	first    *graphql.Response        // of a subscription, once begin has seen it
	begun    bool
	answered bool // a query or mutation
}

// prepare does everything before execution. If it returns a refusal, that is the answer.
func (u runner) prepare(ctx context.Context, in *incoming) (op *operation, refusal *graphql.Response) {
	prepared, refusal := u.executor.Prepare(ctx, in.RawParams)
	if refusal != nil {
		return nil, refusal
	}
	op = &operation{runner: u, Operation: prepared, ctx: ctx}
	if in.large && op.streams() { // it would be kept as long as the subscription lasts
		return nil, u.failure(ctx, db.CodeBadUserInput, fmt.Sprintf("The request of a subscription must have at most %d bytes.", smallBody))
	}
	return op, nil
}

// streams says whether the operation may have more than one answer.
func (op *operation) streams() bool { return op.Kind() == ast.Subscription }

// next is the next answer, nil after the last; the first call starts the operation. Its context is that of prepare.
func (op *operation) next() *graphql.Response {
	switch {
	case op.begun:
		op.begun = false
		return op.first
	case op.answered:
		return nil
	case !op.streams():
		op.answered = true
		return op.Answer(op.ctx)
	case op.stream == nil:
		op.stream = op.Stream(op.ctx)
	}
	return op.stream()
}

// begin starts a subscription and waits for its first answer, which each returns first. If the subscription could not start,
// begin returns its errors: an answer without data. A failed event has data, if only null (GraphQL, 6.2.3.2), and the stream
// goes on after it.
func (op *operation) begin() (refusal *graphql.Response) {
	if !op.streams() {
		return nil
	}
	op.first = op.next()
	if op.first != nil && len(op.first.Errors) > 0 && len(op.first.Data) == 0 {
		return op.first
	}
	op.begun = true
	return nil
}

// each calls put with every answer, until the last one or until put fails.
func (op *operation) each(put func(answer []byte) error) error {
	if !op.streams() {
		var cancel context.CancelFunc
		op.ctx, cancel = context.WithTimeout(op.ctx, answerTimeout)
		defer cancel()
	}
	for answer := op.next(); answer != nil; answer = op.next() {
		if err := op.deliver(payload(answer), put); err != nil {
			return err
		}
	}
	return nil
}

// deliver puts an answer; a large one is counted until it is written. Events are not counted: they are small, and a stream
// that lost one would have to be disconnected.
func (op *operation) deliver(answer []byte, put func(answer []byte) error) error {
	if op.streams() {
		return put(answer)
	}
	release, ok := op.quotas.answer(op.ctx, answer)
	if !ok {
		return put(payload(op.tooMuchWaits(op.ctx)))
	}
	defer release()
	return put(answer)
}

func (u runner) tooMuchWaits(ctx context.Context) *graphql.Response {
	return u.later(ctx, db.CodeRateLimited, "Too much waits for you already: read the answers that you asked for.", time.Second)
}

// codeOf is the code of an answer's first error, or "".
func codeOf(answer *graphql.Response) db.Code {
	if len(answer.Errors) == 0 {
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
