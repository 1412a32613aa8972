package graph_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gqlgen "github.com/99designs/gqlgen/graphql"

	"studychat/auth"
	"studychat/graph"
	"studychat/rate"
)

// limited is an edge with rate limits and no store: its mutations ask for nothing but their type's name.
type limited struct {
	t    *testing.T
	exec *graph.Executor
}

// newLimited has the limits that the program has by default.
func newLimited(t *testing.T, limiter rate.Limiter) limited {
	return limited{t, graph.NewExecutor(&graph.Resolver{Repo: newStore(t, slog.Default()), Log: slog.New(slog.NewTextHandler(t.Output(), nil))}, graph.Options{
		Limiter: limiter, PerUser: rate.Limit{PerSecond: 20, Burst: 100}, PerAddress: rate.Limit{PerSecond: 200, Burst: 1000},
	})}
}

// answer is what a client sees.
type answer struct {
	code                string
	retryAfterMs        int64
	limit, value, field any
	data                string
}

func (l limited) ask(user, address, document string) answer {
	l.t.Helper()
	ctx := gqlgen.StartOperationTrace(graph.WithRequest(l.t.Context(), graph.Request{Address: address}))
	ctx = auth.WithViewer(ctx, auth.Viewer{ID: user})
	op, errs := l.exec.CreateOperationContext(ctx, &gqlgen.RawParams{Query: document})
	if errs != nil {
		l.t.Fatalf("%s: %v", document, errs)
	}
	responses, ctx := l.exec.DispatchOperation(ctx, op)
	response := responses(ctx)
	out := answer{data: string(response.Data)}
	if len(response.Errors) > 0 {
		e := response.Errors[0].Extensions
		out.code, _ = e["code"].(string)
		out.retryAfterMs, _ = e["retryAfterMs"].(int64)
		out.limit, out.value, out.field = e["limit"], e["value"], e["field"]
	}
	if again := responses(ctx); again != nil {
		l.t.Errorf("answered twice: %+v", again)
	}
	return out
}

// passes asks n times, and counts what was let through.
func (l limited) passes(n int, user, address, document string) (passed int) {
	l.t.Helper()
	for range n {
		switch a := l.ask(user, address, document); a.code {
		case "":
			passed++
		case "RATE_LIMITED":
			if a.retryAfterMs < 1 || a.data != "" {
				l.t.Errorf("%+v", a)
			}
		default:
			l.t.Fatalf("%+v", a)
		}
	}
	return passed
}

const oneMutation = `mutation { __typename }`

// aliased is a mutation of n root fields.
func aliased(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " a%d: __typename", i)
	}
	return "mutation {" + b.String() + " }"
}

func TestMutationsAreLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLimited(t, rate.NewMemory())
		if passed := l.passes(100, "ann", "192.0.2.1", oneMutation); passed != 100 {
			t.Fatalf("%d of 100 passed at once", passed)
		}
		if a := l.ask("ann", "192.0.2.1", oneMutation); a.code != "RATE_LIMITED" || a.retryAfterMs != 50 {
			t.Errorf("the 101st: %+v", a)
		}
		if passed := l.passes(100, "bob", "192.0.2.1", oneMutation); passed != 100 {
			t.Errorf("another user got %d of 100", passed)
		}
		<-time.After(49500 * time.Microsecond)
		if a := l.ask("ann", "192.0.2.1", oneMutation); a.code != "RATE_LIMITED" || a.retryAfterMs != 1 {
			t.Errorf("half a millisecond too early: %+v", a)
		}
		<-time.After(time.Millisecond)
		if passed := l.passes(10, "ann", "192.0.2.1", oneMutation); passed != 1 {
			t.Errorf("%d passed after 50 ms", passed)
		}
		<-time.After(time.Second)
		if passed := l.passes(100, "ann", "192.0.2.1", oneMutation); passed != 20 {
			t.Errorf("%d passed after a second", passed)
		}
	})
}

func TestEachRootFieldCounts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason, document string
		cost             int
	}{
		{"one field", oneMutation, 1},
		{"five aliases are five mutations", aliased(5), 5},
		{"the same field twice is carried out once", `mutation { __typename __typename }`, 1},
		{"what is skipped is not carried out", `mutation { a: __typename b: __typename @skip(if: true) c: __typename @include(if: false) }`, 1},
		{"nothing is left", `mutation { __typename @skip(if: true) }`, 0},
		{"fields of fragments count", `mutation { a: __typename ...F ... { c: __typename } } fragment F on Mutation { b: __typename d: __typename }`, 4},
		{"queries are not counted", `{ a: __typename b: __typename }`, 0},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			s := &spy{}
			if a := newLimited(t, s).ask("ann", "192.0.2.1", c.document); a.code != "" {
				t.Fatalf("%+v", a)
			}
			for _, call := range s.calls {
				if call.n != c.cost {
					t.Errorf("%s was asked for %d, not %d", call.key, call.n, c.cost)
				}
			}
			if isMutation := strings.HasPrefix(c.document, "mutation"); (len(s.calls) == 2) != isMutation {
				t.Errorf("asked %+v", s.calls)
			}
		})
	}
}

// TestAddressesAreLimited: a class behind one address has ten times as much, all together.
func TestAddressesAreLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLimited(t, rate.NewMemory())
		passed := 0
		for i := range 30 {
			passed += l.passes(50, fmt.Sprint("pupil", i), "192.0.2.1", oneMutation)
		}
		if passed != 1000 {
			t.Errorf("%d passed from one address", passed)
		}
		if a := l.ask("late", "192.0.2.1", oneMutation); a.code != "RATE_LIMITED" || a.retryAfterMs != 5 {
			t.Errorf("one more user of that address: %+v", a)
		}
		if a := l.ask("late", "192.0.2.2", oneMutation); a.code != "" {
			t.Errorf("from another address: %+v", a)
		}
		if a := l.ask("late", "", oneMutation); a.code != "" {
			t.Errorf("without an address: %+v", a)
		}
	})
}

func TestMoreThanTheBurstNeverPasses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := slog.New(slog.NewTextHandler(t.Output(), nil))
		l := limited{t, graph.NewExecutor(&graph.Resolver{Repo: newStore(t, log), Log: log}, graph.Options{Limiter: rate.NewMemory(), PerUser: rate.Limit{PerSecond: 1, Burst: 5}})}
		if a := l.ask("ann", "", aliased(6)); a.code != "QUERY_TOO_COMPLEX" || a.limit != 5 || a.value != 6 || a.retryAfterMs != 0 {
			t.Errorf("%+v", a)
		}
		if a := l.ask("ann", "", aliased(5)); a.code != "" {
			t.Errorf("what may pass has been taken by what may not: %+v", a)
		}
	})
}

func TestWithoutALimiterNothingIsLimited(t *testing.T) {
	t.Parallel()
	l := newLimited(t, nil)
	if passed := l.passes(300, auth.LocalUser, "127.0.0.1", oneMutation); passed != 300 {
		t.Errorf("%d of 300 passed", passed)
	}
}

// spy is a limiter that notes what it is asked, and refuses the keys of refuse.
type spy struct {
	refuse map[string]time.Duration

	mu    sync.Mutex
	calls []call
}

type call struct {
	key string
	n   int
}

func (s *spy) Take(_ context.Context, key string, n int, _ rate.Limit) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call{key, n})
	return s.refuse[key]
}

// TestRefusedMutationDoesNothing: nothing is stored of it, and what the client reads says when to come back.
func TestRefusedMutationDoesNothing(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	s := &spy{refuse: map[string]time.Duration{"user:ann": 1200*time.Millisecond + 1, "address:192.0.2.1": time.Second}}
	l := limited{t, graph.NewExecutor(&graph.Resolver{Repo: e.repo, Log: log}, graph.Options{Limiter: s})}
	const create = `mutation { createChat(input: {title: "One"}) { chat { title } } }`
	const list = `{ chats { edges { node { title } } } }`
	if a := l.ask("ann", "", create); a.code != "RATE_LIMITED" || a.retryAfterMs != 1201 || a.field != nil {
		t.Errorf("refused by the user's bucket: %+v", a)
	}
	if a := l.ask("bob", "192.0.2.1", create); a.code != "RATE_LIMITED" || a.retryAfterMs != 1000 {
		t.Errorf("refused by the address's bucket: %+v", a)
	}
	for _, user := range []string{"ann", "bob"} {
		if got := e.ask(user, list, nil); strings.Contains(got, "One") || code(t, got) != "" {
			t.Errorf("the chats of %s: %s", user, got)
		}
	}
	if a := l.ask("bob", "192.0.2.2", create); a.code != "" {
		t.Errorf("not refused: %+v", a)
	}
	if got := e.ask("bob", list, nil); !strings.Contains(got, "One") {
		t.Errorf("the control, which was let through, stored nothing: %s", got)
	}
}
