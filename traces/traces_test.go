package traces

import (
	"context"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

const example = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// TestSampler: a client's decision counts with parentbased samplers alone, and a delivery is sampled as its write, whatever the sampler.
func TestSampler(t *testing.T) {
	t.Parallel()
	unsampled := example[:len(example)-1] + "0"
	for _, c := range []struct {
		name                     string
		ratio                    float64
		own, parent, notOfParent bool
	}{
		{"always_on", 1, true, true, true},
		{"always_off", 1, false, false, false},
		{"traceidratio", 0, false, false, false},
		{"traceidratio", 1, true, true, true},
		{"parentbased_always_on", 1, true, true, false},
		{"parentbased_always_off", 1, false, true, false},
		{"parentbased_traceidratio", 0, false, true, false},
	} {
		s := sampler(Options{Sampler: c.name, Ratio: c.ratio})
		sampled := func(parent string, links ...string) bool {
			p := sdk.SamplingParameters{ParentContext: context.Background(), TraceID: trace.TraceID{1}}
			if parent != "" {
				p.ParentContext = trace.ContextWithRemoteSpanContext(p.ParentContext, parse(parent))
			}
			for _, link := range links {
				p.Links = append(p.Links, trace.Link{SpanContext: parse(link)})
			}
			return s.ShouldSample(p).Decision == sdk.RecordAndSample
		}
		if sampled("") != c.own || sampled(example) != c.parent || sampled(unsampled) != c.notOfParent {
			t.Errorf("%s %v: %v %v %v", c.name, c.ratio, sampled(""), sampled(example), sampled(unsampled))
		}
		if !sampled("", example) || sampled("", unsampled) || sampled("", "rubbish") {
			t.Errorf("%s: a delivery is not sampled as its write", c.name)
		}
	}
}

// TestFirstWord: nothing else of a statement gets into a span.
func TestFirstWord(t *testing.T) {
	t.Parallel()
	for statement, want := range map[string]string{
		"SELECT 1": "SELECT", "\n (with x AS": "with", "COMMIT;\nSELECT 'secret'": "COMMIT", "'secret'": "", "": "", "INSERT": "INSERT",
	} {
		if got := firstWord(statement); got != want {
			t.Errorf("%q: %q", statement, got)
		}
	}
}

// TestNothingUnlessRecorded: what belongs to no operation makes no spans, and events of it name none.
func TestNothingUnlessRecorded(t *testing.T) {
	t.Parallel()
	provider := sdk.NewTracerProvider()
	all := &Traces{provider, provider.Tracer("test")}
	ctx := context.Background()
	if got := all.Traceparent(ctx); got != "" {
		t.Error(got)
	}
	if traced := all.Statements().BeforeQuery(ctx, nil); traced != ctx {
		t.Error("a statement of nobody has a span")
	}
	if traced, _ := all.Batch(ctx, []context.Context{ctx, ctx}); traced != ctx {
		t.Error("a batch of nobody has a span")
	}
	remote := trace.ContextWithRemoteSpanContext(ctx, parse(example))
	if got := all.Traceparent(remote); got != example {
		t.Error(got)
	}
}
