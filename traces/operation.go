package traces

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// maxName bounds, in bytes, a name that clients choose.
const maxName = 64

// Operation is an operation that begins.
type Operation struct {
	Parent     string // traceparent of the client, or ""
	Type, Name string // as the document says
	RequestID  string
	Began      time.Time
}

// Operation begins the span of an operation. end ends it with the code of the first error, or OK.
func (t *Traces) Operation(ctx context.Context, o Operation) (traced context.Context, traceparent string, end func(code string)) {
	if o.Parent != "" {
		ctx = trace.ContextWithRemoteSpanContext(ctx, parse(o.Parent))
	}
	ctx, span := t.tracer.Start(ctx, o.Type, trace.WithTimestamp(o.Began), trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("graphql.operation.type", o.Type), attribute.String("graphql.operation.name", o.Name[:min(len(o.Name), maxName)]),
		attribute.String("studychat.request_id", o.RequestID)))
	return ctx, format(ctx), func(code string) {
		span.SetAttributes(attribute.String("studychat.code", code))
		if code == "INTERNAL" || code == "UNAVAILABLE" { // the others are mistakes of the client
			fail(span, code)
		}
		span.End()
	}
}

// standard is W3C Trace Context.
var standard propagation.TraceContext

const header = "traceparent"

// parse is the span that a traceparent names.
func parse(traceparent string) trace.SpanContext {
	ctx := standard.Extract(context.Background(), propagation.MapCarrier{header: traceparent})
	return trace.SpanContextFromContext(ctx)
}

// format is the traceparent of the span in ctx.
func format(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	standard.Inject(ctx, carrier)
	return carrier[header]
}
