package traces

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// Traceparent names the span in ctx, for those who will link to it; "" if it is not recorded.
func (t *Traces) Traceparent(ctx context.Context) string {
	if !recorded(ctx) {
		return ""
	}
	return format(ctx)
}

// Commit begins the span of a commit.
func (t *Traces) Commit(ctx context.Context) (end func(outcome string)) {
	if !recorded(ctx) {
		return func(string) {}
	}
	_, span := t.tracer.Start(ctx, "commit", trace.WithSpanKind(trace.SpanKindClient))
	return func(outcome string) {
		span.SetAttributes(attribute.String("studychat.outcome", outcome))
		if outcome != "committed" {
			fail(span, outcome)
		}
		span.End()
	}
}

// Batch begins the span of what one transaction does for several callers: within the first of theirs that is recorded, with links to the
// others.
func (t *Traces) Batch(ctx context.Context, callers []context.Context) (traced context.Context, end func()) {
	var links []trace.Link
	for _, caller := range callers {
		if recorded(caller) {
			links = append(links, trace.LinkFromContext(caller))
		}
	}
	if len(links) == 0 {
		return ctx, func() {}
	}
	ctx, span := t.tracer.Start(trace.ContextWithSpanContext(ctx, links[0].SpanContext), "batch",
		trace.WithLinks(links[1:]...), trace.WithAttributes(attribute.Int("studychat.messages", len(callers))))
	return ctx, func() { span.End() }
}

// Statements makes a span of each statement of an operation.
func (t *Traces) Statements() bun.QueryHook { return statements{t} }

type statements struct{ *Traces }

type statementKey struct{}

// BeforeQuery implements bun.QueryHook.
func (s statements) BeforeQuery(ctx context.Context, event *bun.QueryEvent) context.Context {
	if !recorded(ctx) {
		return ctx
	}
	word := firstWord(event.Query)
	ctx, span := s.tracer.Start(ctx, word, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attribute.String("db.operation.name", word)))
	return context.WithValue(ctx, statementKey{}, span)
}

// AfterQuery implements bun.QueryHook.
func (s statements) AfterQuery(ctx context.Context, event *bun.QueryEvent) {
	span, ok := ctx.Value(statementKey{}).(trace.Span)
	if !ok {
		return
	}
	if event.Err != nil && !errors.Is(event.Err, sql.ErrNoRows) {
		fail(span, fmt.Sprintf("%T", event.Err))
	}
	span.End()
}

// firstWord is all that a span may hold of a statement, into which Bun has written the arguments.
func firstWord(statement string) string {
	word, _, _ := strings.Cut(strings.TrimLeft(statement, " \t\r\n("), " ")
	for i := range len(word) {
		if c := word[i] | 0x20; c < 'a' || c > 'z' {
			return word[:i]
		}
	}
	return word
}
