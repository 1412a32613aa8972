package graph_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	gqlgen "github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"studychat/auth"
	"studychat/db"
	"studychat/graph"
)

// differential runs documents on plans and on gqlgen's executor, over one repository.
type differential struct {
	t    *testing.T
	repo db.Repository
	log  *slog.Logger
	kept atomic.Int64
}

func newDifferential(t *testing.T) *differential {
	t.Helper()
	e := seeded(t)
	return &differential{t: t, repo: e.repo, log: slog.New(slog.DiscardHandler)}
}

// answers are those of one operation, until the end of the stream. Each executor is new, and knows no names yet.
func (d *differential) answers(newExecutor func(*graph.Resolver, graph.Options) *graph.Executor, document string, variables map[string]any, seed uint64) []string {
	d.t.Helper()
	faulty := &faulty{d.repo, seed, strings.HasPrefix(document, "subscription")}
	repo := newAgain(faulty)
	exec := newExecutor(&graph.Resolver{Repo: repo, Live: faultyLive{faulty}, Log: d.log}, graph.Options{Introspection: true})
	ctx := graph.WithRequest(d.t.Context(), graph.Request{ID: "request-1", Disconnect: func() {}})
	ctx, cancel := context.WithCancel(auth.WithViewer(ctx, auth.Viewer{ID: "ann", Scopes: []string{auth.ScopeAssistant, auth.ScopeModules}}))
	defer cancel()
	operation, refusal := exec.Prepare(ctx, &gqlgen.RawParams{Query: document, Variables: variables})
	if refusal != nil {
		raw, _ := json.Marshal(refusal)
		return []string{refused + string(raw)}
	}
	var out []string
	next := operation.Stream(ctx)
	for answer := next(); answer != nil; answer = next() {
		raw, _ := json.Marshal(answer)
		out = append(out, sortedErrors(raw))
		if operation.Kind() != ast.Subscription {
			break
		}
	}
	if operation.Kind() == ast.Query { // the second answer is kept where it may be, and the third one is what was kept
		for range 2 {
			raw, _ := json.Marshal(operation.Answer(ctx, nil))
			if later := sortedErrors(raw); later != out[0] {
				d.t.Errorf("%s\n%v: another answer to the same\nfirst %s\nlater %s", document, variables, out[0], later)
			}
		}
		d.kept.Add(int64(repo.kept))
	}
	return out
}

const refused = "refused: "

// TestPlansAnswerAsGqlgenDoes: thousands of random documents, with injected errors, nulls and panics, have the same answers, byte
// for byte. Errors are compared as sets, because gqlgen resolves fields at the same time. What gqlgen does wrong is corrected for
// it in wholeEvent: an event's errors and nulls.
func TestPlansAnswerAsGqlgenDoes(t *testing.T) {
	t.Parallel()
	d := newDifferential(t)
	documents := uint64(3000)
	if raced {
		documents = 600
	}
	run, failed, nulls := 0, 0, 0
	for seed := range documents {
		document, variables := documentOf(seed)
		plans := d.answers(graph.NewExecutor, document, variables, faultsOf(seed))
		stock := d.answers(graph.NewStockExecutor, document, variables, faultsOf(seed))
		all := strings.Join(plans, "\n\n")
		if other := strings.Join(stock, "\n\n"); all != other {
			t.Fatalf("seed %d: %s\n%v\nplans:  %s\ngqlgen: %s", seed, document, variables, all, other)
		}
		if strings.HasPrefix(all, refused) {
			continue
		}
		run++
		if strings.Contains(all, `"message"`) {
			failed++
		}
		if strings.Contains(all, "null") {
			nulls++
		}
	}
	t.Logf("%d documents: %d ran, %d with errors, %d with nulls; kept %d times", documents, run, failed, nulls, d.kept.Load())
	if run < int(documents)/2 || failed < int(documents)/10 || nulls < int(documents)/10 || d.kept.Load() < int64(documents)/20 {
		t.Errorf("too few documents try something: %d ran, %d with errors, %d with nulls", run, failed, nulls)
	}
}

func documentOf(seed uint64) (string, map[string]any) {
	random := newRandomDocument(seed)
	document := random.write([]ast.Operation{ast.Query, ast.Query, ast.Mutation, ast.Subscription}[seed%4])
	return document, random.variables
}

// faultsOf leaves every third document without faults.
func faultsOf(seed uint64) uint64 {
	if seed%3 == 0 {
		return 0
	}
	return seed
}

// TestDifferencesAreFound is the control: plans that forget something are found. Each fault is one in the document that the plan
// gets.
func TestDifferencesAreFound(t *testing.T) {
	t.Parallel()
	d := newDifferential(t)
	for _, fault := range []struct {
		name   string
		forget *regexp.Regexp
		put    string
	}{
		{"conditions", regexp.MustCompile(`@(skip|include)\(if: (true|false)\)`), ""},
		{"which type a fragment is for", regexp.MustCompile(`\.\.\. on \w+Changed`), "... on ChatEvent"},
		{"an alias", regexp.MustCompile(`\bid_1: `), ""},
		{"an argument", regexp.MustCompile(`\(last: \d+\)`), ""},
	} {
		found := false
		for seed := uint64(0); seed < 400 && !found; seed++ {
			document, variables := documentOf(seed)
			broken := fault.forget.ReplaceAllString(document, fault.put)
			if broken == document {
				continue
			}
			plans := d.answers(graph.NewExecutor, broken, variables, 0)
			stock := d.answers(graph.NewStockExecutor, document, variables, 0)
			found = !strings.HasPrefix(plans[0], refused) && strings.Join(plans, "\n") != strings.Join(stock, "\n")
		}
		if !found {
			t.Errorf("plans that forget %s are not found", fault.name)
		}
	}
}

// TestOneFieldUnderSeveralNames: a type with one field that reads had no function to read several at the same time, and a second
// name of the field made several.
func TestOneFieldUnderSeveralNames(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	e.must("ann", `{ viewer { name also: name } chats { totalCount again: totalCount } chat(id: "`+chat1+`") { members { readSeq also: readSeq } } }`, nil)
}
