package traces

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// Delivered makes a span of an event that was handed to connections, so long after its stamp. It is a trace of its own, linked to the
// writer's: a write is over before its event is delivered, and has as many deliveries as there are instances.
func (t *Traces) Delivered(writer, kind, path string, took time.Duration, connections int) {
	now := time.Now()
	_, span := t.tracer.Start(context.Background(), "deliver "+kind, trace.WithTimestamp(now.Add(-max(took, 0))), trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithLinks(trace.Link{SpanContext: parse(writer)}), trace.WithAttributes(
			attribute.String("studychat.event.kind", kind), attribute.String("studychat.event.path", path), attribute.Int("studychat.connections", connections)))
	span.End(trace.WithTimestamp(now))
}
