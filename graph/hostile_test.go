package graph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	gqlgen "github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"

	"studychat/auth"
	"studychat/events"
	"studychat/events/hub"
	"studychat/graph"
	"studychat/graph/generated"
	"studychat/test/hostile"
)

// newExecutor is the edge without anything that carries it.
func newExecutor(t testing.TB, o graph.Options) *graph.Executor {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	store := newStore(t, log)
	hub := hub.New(store, events.NewMemoryBus(), events.NewMemoryRegistry(), log)
	return graph.NewExecutor(&graph.Resolver{Repo: store, Live: hub, Log: log}, o)
}

// execute runs one document as ann and returns the answer as bytes.
func execute(t testing.TB, exec *graph.Executor, query, operation string, variables json.RawMessage) []byte {
	t.Helper()
	params := &gqlgen.RawParams{Query: query, OperationName: operation}
	if variables != nil {
		decoder := json.NewDecoder(bytes.NewReader(variables))
		decoder.UseNumber() // as gqlgen's transports do
		if err := decoder.Decode(&params.Variables); err != nil {
			t.Fatal(err)
		}
	}
	answer, err := json.Marshal(respond(t.Context(), exec, params))
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func respond(ctx context.Context, exec gqlgen.GraphExecutor, params *gqlgen.RawParams) *gqlgen.Response {
	ctx = gqlgen.StartOperationTrace(ctx)
	if _, err := auth.FromContext(ctx); err != nil {
		ctx = auth.WithViewer(ctx, auth.Viewer{ID: "ann"})
	}
	op, errs := exec.CreateOperationContext(ctx, params)
	ctx = gqlgen.WithOperationContext(ctx, op)
	if errs != nil {
		return exec.DispatchError(ctx, errs)
	}
	next, ctx := exec.DispatchOperation(ctx, op)
	return next(ctx)
}

// cpu is the CPU time that the process took so far, for the kernel and for itself.
func cpu(t testing.TB) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// cost is the CPU time that do takes at best: the machine does other things too. With the race detector once is enough,
// since the time means nothing then.
func cost(t testing.TB, do func(run int)) time.Duration {
	t.Helper()
	runs := 5
	if raced {
		runs = 1
	}
	best := time.Hour
	for run := range runs {
		runtime.GC()
		before := cpu(t)
		do(run)
		best = min(best, cpu(t)-before)
	}
	return best
}

// maxRefusal is what a refusal may cost, in CPU time on a machine of the usual speed; maxPerMB is added for each megabyte, which
// takes longer to send.
const (
	maxRefusal = 10 * time.Millisecond
	maxPerMB   = 40 * time.Millisecond
)

var slowness = sync.OnceValue(hostile.Slowness)

// bounded is what the refusal of a document may cost.
func bounded(d hostile.Document, slowness float64) time.Duration {
	return time.Duration(slowness * float64(maxRefusal+time.Duration(len(d.Body()))*maxPerMB>>20))
}

// TestHostileDocuments is not parallel: it measures what the whole process takes.
func TestHostileDocuments(t *testing.T) { //nolint:paralleltest // see above
	hidden, open := newExecutor(t, graph.Options{}), newExecutor(t, graph.Options{Introspection: true})
	documents := hostile.All()
	if len(documents) < 60 {
		t.Errorf("%d documents", len(documents))
	}
	heap := heapInUse()
	for _, d := range documents {
		if d.Raw != nil || d.TooLarge() || d.TooMuch {
			continue // the transports' own tests send it
		}
		answer := tryHostile(t, hidden, d)
		if got := code(t, string(answer)); got != d.Code {
			t.Errorf("%s: got %q, want %q: %.300s", d.Name, got, d.Code, answer)
		}
		// Who may read the schema may ask for it; nothing else may pass for that, or take longer.
		answer = tryHostile(t, open, d)
		if got := code(t, string(answer)); got != d.Code && !d.Introspection {
			t.Errorf("%s, the schema being open: got %q, want %q: %.300s", d.Name, got, d.Code, answer)
		}
	}
	if grown := heapInUse() - heap; grown > 5<<20 {
		t.Errorf("%d bytes are held afterwards", grown)
	}
}

// tryHostile runs a document and bounds what it takes and what it gets.
func tryHostile(t *testing.T, exec *graph.Executor, d hostile.Document) (answer []byte) {
	t.Helper()
	spaces := 0
	take := func() time.Duration {
		return cost(t, func(int) {
			spaces++ // different each time, or a document that passes is found in the cache of parsed ones
			answer = execute(t, exec, d.Query+strings.Repeat(" ", spaces), d.Operation, d.Variables)
		})
	}
	took, bound := take(), bounded(d, slowness())
	for again := 0; took > bound && again < 3 && !raced; again++ { // the machine may just have become slower
		bound = bounded(d, hostile.Slowness())
		took = take()
	}
	if took > bound && !raced {
		t.Errorf("%s took %s of CPU, of %s", d.Name, took, bound)
	}
	if took > bound/2 {
		t.Logf("%s took %s of CPU", d.Name, took)
	}
	if len(answer) > 20_000 {
		t.Errorf("%s: an answer of %d bytes", d.Name, len(answer))
	}
	return answer
}

func heapInUse() int64 {
	runtime.GC()
	runtime.GC() // what the first one finalized
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestWithoutLimits is the negative control: what a stock executor takes for one of the documents that are refused above
// in less than a hundredth of the time.
func TestWithoutLimits(t *testing.T) { //nolint:paralleltest // it measures what the whole process takes
	exec := executor.New(generated.NewExecutableSchema(generated.Config{Resolvers: &graph.Resolver{}}))
	ctx := gqlgen.StartOperationTrace(t.Context())
	took := cost(t, func(int) {
		if _, errs := exec.CreateOperationContext(ctx, &gqlgen.RawParams{Query: hostile.RepeatedFields()}); errs != nil {
			t.Fatal(errs)
		}
	})
	t.Logf("%s", took)
	if took < 100*time.Millisecond {
		t.Errorf("the document took %s without limits: is it still a test of them?", took)
	}
}

// TestCorpus holds what those who send it over a wire rely on.
func TestCorpus(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, d := range hostile.All() {
		if names[d.Name] {
			t.Errorf("two documents named %s", d.Name)
		}
		names[d.Name] = true
		if d.Raw == nil && !json.Valid(d.Body()) {
			t.Errorf("%s: its body is no JSON", d.Name)
		}
		if d.Code == "" {
			t.Errorf("%s has no code", d.Name)
		}
	}
}
