package graph

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"studychat/auth"
	"studychat/db"
	"studychat/graph/limits"
	"studychat/graph/outcome"
	"studychat/graph/plan"
)

// Request is what a transport says about one request, and what its answer shares. The viewer has a value of its own in the
// context: see package auth.
type Request struct {
	ID string // in logs, and in errors

	// Trace is the W3C traceparent that came with the request, or "". The transport has checked it.
	Trace string

	// Address is where the request comes from, in a form that is the same for all clients that count as one address. The
	// transport knows which proxies to believe. Without it, the viewer alone is limited.
	Address string

	Began time.Time // when it arrived, or the message of a socket

	// Disconnect closes the connection so that the client sees a failure which it may retry; nothing that looks like an
	// orderly end is written any more. A request without it cannot subscribe.
	Disconnect func()

	// Started learns from where a subscription goes on, as soon as that is settled and ahead of all events: what is
	// committed from then on arrives, and a client that is disconnected before the first event resumes from this cursor.
	// It is called at most once. A subscription that goes on from a cursor may still be refused after it.
	Started func(cursor string)

	// Resume is from where a subscription goes on, unless it is "". It wins over the argument `after`: a browser that
	// reconnects by itself repeats its first request.
	Resume string

	answer *answer
	late   *atomic.Bool // of an event that is rendered for a group, which does not wait: a dependency did not answer
}

type requestKey struct{}

// WithRequest is ctx for a request, or for one operation of it.
func WithRequest(ctx context.Context, r Request) context.Context {
	return &requestContext{Context: ctx, request: r}
}

// WithRequestOf is WithRequest for a request whose viewer is known: one context that carries both.
func WithRequestOf(ctx context.Context, r Request, identity auth.Identity) context.Context {
	return &identifiedContext{requestContext{ctx, r}, identity}
}

type requestContext struct {
	context.Context //nolint:containedctx // it is one

	request Request
}

// Value implements context.Context.
func (c *requestContext) Value(key any) any {
	if key == (requestKey{}) {
		return &c.request
	}
	return c.Context.Value(key)
}

type identifiedContext struct {
	requestContext

	identity auth.Identity
}

// Value implements context.Context.
func (c *identifiedContext) Value(key any) any {
	if key == auth.ContextKey {
		return &c.identity
	}
	return c.requestContext.Value(key)
}

// lasting is what a subscription keeps of the context that it began with: the viewer and the Request, without what ends with the
// beginning. The rest (the transport's contexts, the HTTP request) would be most of the memory of a quiet subscription.
func lasting(ctx context.Context) context.Context {
	r := RequestFrom(ctx)
	kept := WithRequest(context.Background(), Request{ID: r.ID, Address: r.Address, Disconnect: r.Disconnect})
	if identity, ok := ctx.Value(auth.ContextKey).(*auth.Identity); ok {
		kept = auth.WithIdentity(kept, identity)
	}
	return kept
}

// RequestFrom is the request that ctx belongs to. A transport that knows more of it changes the copy and calls WithRequest.
func RequestFrom(ctx context.Context) Request {
	if r, ok := ctx.Value(requestKey{}).(*Request); ok {
		return *r
	}
	return Request{}
}

// originOf is the request of ctx, as the log names it.
func originOf(ctx context.Context) outcome.Origin {
	r := RequestFrom(ctx)
	return outcome.Origin{RequestID: r.ID, TraceID: outcome.TraceID(r.Trace)}
}

// disconnect closes the connection that ctx belongs to, so that its client comes back.
func disconnect(ctx context.Context) {
	if r := RequestFrom(ctx); r.Disconnect != nil {
		r.Disconnect()
	}
}

// answer is what the fields of one answer share (in a stream: of one event).
type answer struct {
	budget *limits.Budget
	*batches

	plan *plan.Plan // what renders the answer; nil: gqlgen's executor

	testifying sync.Mutex
	facts      []db.Fact
}

func newAnswer() *answer { return &answer{budget: limits.NewBudget(), batches: &batches{}} }

// Add implements plan.Answer.
func (a *answer) Add(bytes int) *gqlerror.Error { return a.budget.Add(bytes) }

// Exceeded implements plan.Answer.
func (a *answer) Exceeded() *gqlerror.Error { return a.budget.Exceeded() }

// Facts implements plan.Answer.
func (a *answer) Facts() []db.Fact {
	a.testifying.Lock()
	defer a.testifying.Unlock()
	return a.facts
}

// restsOn is called by a resolver, once, whose value shows nothing but the fact and what the object shows that it is called for. A plan
// may keep what it rendered only of such values.
func (a *answer) restsOn(fact db.Fact) {
	if a.plan == nil || !a.plan.Keeps() {
		return
	}
	a.testifying.Lock()
	defer a.testifying.Unlock()
	a.facts = append(a.facts, fact)
}

// renew makes the answer read anew: it forgets what was looked up.
func (a *answer) renew() { a.batches = &batches{} }

// answerFrom is the answer that ctx belongs to; outside of our executor, one that nothing shares.
func answerFrom(ctx context.Context) *answer {
	if a := RequestFrom(ctx).answer; a != nil {
		return a
	}
	return newAnswer()
}
