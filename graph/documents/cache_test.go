package documents

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"studychat/graph/limits"
)

var schema = gqlparser.MustLoadSchema(&ast.Source{Input: `
	type Query { a: Int b(n: Int): Int }
	type Mutation { c: Int }
	type Subscription { d(after: Int, n: Int, m: Int, list: [Int]): Int e: Int }`})

func newCache(maxBytes int) *Cache { return NewCache(limits.New(schema, true), maxBytes) }

func (c *Cache) mustOpen(t testing.TB, text string) *Document {
	t.Helper()
	document, errs := c.Open(text)
	if errs != nil {
		t.Fatal(text, errs)
	}
	return document
}

// comment makes valid documents of any number and size.
func comment(n, size int) string { return fmt.Sprintf("{ a } # %d %s", n, strings.Repeat("x", size)) }

func (c *Cache) check(t testing.TB) {
	t.Helper()
	for _, p := range []*part{&c.trial, &c.inUse} {
		n := 0
		for _, document := range p.byText.Values() {
			n += document.size()
		}
		if n != p.bytes || n > p.maxBytes {
			t.Fatalf("%d bytes are kept, %d counted, of %d", n, p.bytes, p.maxBytes)
		}
	}
}

// TestKnownDocument: a document that is known is the same one, and costs nothing to find.
func TestKnownDocument(t *testing.T) { //nolint:paralleltest // it counts what the whole process allocates
	c := newCache(0)
	first := c.mustOpen(t, "{ a }")
	n := testing.AllocsPerRun(100, func() {
		if c.mustOpen(t, "{ a }") != first {
			t.Error("the document was parsed again")
		}
	})
	if n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestOneOffDocuments: a client that makes up documents, small or large, evicts only its own.
func TestOneOffDocuments(t *testing.T) {
	t.Parallel()
	c := newCache(1 << 20)
	kept := map[string]*Document{}
	for n := range 20 {
		text := fmt.Sprintf("query Application%d { a }", n)
		kept[text] = c.mustOpen(t, text)
		c.mustOpen(t, text)
	}
	for n := range 2000 {
		c.mustOpen(t, comment(n, n%3000))
		c.check(t)
	}
	for text, document := range kept {
		if c.find(text) != document {
			t.Errorf("%s was evicted", text)
		}
	}
	if c.find(comment(0, 0)) != nil {
		t.Error("the first made-up document is still there")
	}
}

// TestManyDocumentsInUse: the bound holds for documents that come twice too, and what falls out of use leaves.
func TestManyDocumentsInUse(t *testing.T) {
	t.Parallel()
	c := newCache(1 << 20)
	for n := range 1000 {
		for range 3 {
			c.mustOpen(t, comment(n, 1000))
			c.check(t)
		}
	}
	if c.find(comment(0, 1000)) != nil || c.find(comment(999, 1000)) == nil {
		t.Error("the oldest stays, or the newest left")
	}
}

// TestWhatIsNotKept: neither large documents nor those that may not run take a place.
func TestWhatIsNotKept(t *testing.T) {
	t.Parallel()
	c := newCache(0)
	c.mustOpen(t, comment(1, MaxText))
	for _, bad := range []string{"", "{ unknown }", "{", "# no operation", "{ a", "query A { a } query A { a }"} {
		if _, errs := c.Open(bad); len(errs) == 0 {
			t.Errorf("%q may run", bad)
		}
	}
	if n := c.trial.byText.Len() + c.inUse.byText.Len(); n != 0 {
		t.Errorf("%d documents are kept", n)
	}
}

// TestDocumentsAtOnce is for the race detector: the same documents by many requests.
func TestDocumentsAtOnce(t *testing.T) {
	t.Parallel()
	c := newCache(100 << 10)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for n := range 300 {
				if _, errs := c.Open(comment(n%20, 100)); errs != nil {
					t.Error(errs)
				}
			}
		})
	}
	all.Wait()
	c.check(t)
}

// TestOperationOf: GraphQL (September 2025), 6.1: without a name the document must have one operation.
func TestOperationOf(t *testing.T) {
	t.Parallel()
	c := newCache(0)
	one, two := c.mustOpen(t, "query A { a }"), c.mustOpen(t, "query A { a } query B { b }")
	for _, of := range []struct {
		document   *Document
		name, want string
	}{{one, "", "A"}, {one, "A", "A"}, {one, "B", ""}, {two, "", ""}, {two, "A", "A"}, {two, "B", "B"}} {
		got, err := of.document.Operation(of.name)
		if of.want == "" {
			if err == nil || !strings.Contains(err.Message, "not found") {
				t.Errorf("%q of %s: %+v, %v", of.name, of.document.Text, got, err)
			}
			continue
		}
		if err != nil || got.Definition.Name != of.want {
			t.Errorf("%q of %s: %+v, %v", of.name, of.document.Text, got, err)
		}
	}
}

// TestSubscriptionHasOneField: after @skip and @include, which depend on variables.
func TestSubscriptionHasOneField(t *testing.T) {
	t.Parallel()
	document := newCache(0).mustOpen(t, "subscription ($skip: Boolean!) { d @skip(if: $skip) }")
	operation, _ := document.Operation("")
	if _, fault, err := operation.Variables(map[string]any{"skip": false}); fault != nil || err != nil {
		t.Errorf("one field: %v, %v", fault, err)
	}
	if _, _, err := operation.Variables(map[string]any{"skip": true}); err == nil {
		t.Error("no field is taken")
	}
	if _, fault, _ := operation.Variables(nil); fault == nil {
		t.Error("a missing variable is taken")
	}
}

func BenchmarkOpen(b *testing.B) {
	c := newCache(0)
	text := comment(1, 500)
	c.mustOpen(b, text)
	b.ReportAllocs()
	for b.Loop() {
		c.mustOpen(b, text)
	}
}
