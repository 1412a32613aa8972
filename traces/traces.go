// Package traces sends OpenTelemetry traces over OTLP: of operations, of what they ask the database and Redis, of commits, and of what became
// of the events on every instance. Without it nothing is recorded, no goroutine runs and no request pays.
//
// No span holds a statement, an argument, a key or a value: all of them hold what users write. It is the one package that knows
// OpenTelemetry.
package traces

import (
	"context"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"studychat/sample"
)

// flushTimeout bounds what Stop waits for the collector.
const flushTimeout = 2 * time.Second

// Options say where spans go, and which.
type Options struct {
	Endpoint string // of a collector, without the path of traces
	Sampler  string // by OpenTelemetry's names
	Ratio    float64
	Service  string
	Version  string
	Log      *slog.Logger
}

// Traces records spans, and sends them from a goroutine of its own: a collector that is slow or away costs spans, never a request.
type Traces struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// Start begins to send. It does not connect: the collector may come later. What else the standard names for an exporter (headers,
// time-out, certificates) comes from the environment.
func Start(ctx context.Context, o Options) (*Traces, error) {
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(o.Endpoint+"/v1/traces"))
	if err != nil {
		return nil, err
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(
		attribute.String("service.name", o.Service), attribute.String("service.version", o.Version)), resource.WithFromEnv())
	if err != nil {
		return nil, err
	}
	lines := sample.NewLines[string](time.Minute, 1)
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { // global, like redis.SetLogger; the default writes text to standard error
		if leftOut, due := lines.Due(""); due {
			o.Log.Warn("traces cannot be sent", "error", err, "leftOut", leftOut)
		}
	}))
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about), sdk.WithSampler(sampler(o)))
	return &Traces{provider, provider.Tracer("studychat")}, nil
}

// Stop sends what is recorded, and gives up after a time.
func (t *Traces) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	return t.provider.Shutdown(ctx)
}

// fail marks a span. The text of an error may quote what a user wrote, so the span has the kind of the error alone.
func fail(span trace.Span, kind string) {
	span.SetStatus(codes.Error, "")
	span.SetAttributes(attribute.String("error.type", kind))
}

// recorded says whether spans within ctx are of use. Statements and commands without an operation around them (sweeps, pulses) are not.
func recorded(ctx context.Context) bool { return trace.SpanContextFromContext(ctx).IsSampled() }
