package limits

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"

	"studychat/test/hostile"
)

func parse(t testing.TB, query string) *ast.QueryDocument {
	t.Helper()
	document, err := parser.ParseQuery(&ast.Source{Input: query})
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// TestRoom: real clients' documents stay well within every limit, so that theirs may grow.
func TestRoom(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../testdata/documents/*.graphql")
	if err != nil {
		t.Fatal(err)
	}
	largest := map[string]count{}
	for _, file := range files {
		query, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		read := readTokens(string(query))
		counts := append(measureDocument(parse(t, string(query))).counts(),
			count{"bytes", MaxBytes, len(query)}, count{"tokens", MaxTokens, read.tokens},
			count{"bytes in a name", MaxNameBytes, read.name}, count{"brackets", MaxNesting, read.nesting})
		for _, c := range counts {
			if c.value > c.limit*3/4 {
				t.Errorf("%s: %d %s, of %d", file, c.value, c.what, c.limit)
			}
			c.value = max(c.value, largest[c.what].value)
			largest[c.what] = c
		}
	}
	for what, c := range largest {
		t.Logf("%s: at most %d, of %d", what, c.value, c.limit)
	}
}

func TestMeasure(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason, query string
		want          size
	}{
		{"one field", "{ a }", size{fields: 1, fragments: 1, selections: 1, depth: 1}},
		{"an alias", "{ b: a }", size{fields: 1, aliases: 1, fragments: 1, selections: 1, depth: 1}},
		{"an inline fragment is a level", "{ ... { a } }", size{fields: 1, fragments: 1, selections: 2, depth: 2}},
		{"a fragment counts for itself and where it is spread", "{ ...F ...F } fragment F on Query { a }", size{fields: 1, fragments: 2, selections: 5, depth: 1, repeats: 1}},
		{"values are selections", "{ a(x: [1, {y: 2}]) @b(z: 3) }", size{fields: 1, directives: 1, arguments: 2, fragments: 1, selections: 6, depth: 1}},
		{"three in one place are three pairs", "{ a a a }", size{fields: 3, fragments: 1, selections: 3, depth: 1, repeats: 3}},
		{"places go on below", "{ a { b } a { b } }", size{fields: 4, fragments: 1, selections: 4, depth: 2, repeats: 2}},
		{"other names stand elsewhere", "{ x: a { b } y: a { b } }", size{fields: 4, aliases: 2, fragments: 1, selections: 4, depth: 2}},
		{"an inline fragment is compared again", "{ ... { a a } }", size{fields: 2, fragments: 1, selections: 3, depth: 2, repeats: 2}},
		{"variables", "query ($a: Int $b: Int) { c(x: $a, y: $b) }", size{fields: 1, variables: 2, arguments: 2, fragments: 1, selections: 3, depth: 1}},
		{"introspection", "{ s: __schema { a } }", size{fields: 2, aliases: 1, fragments: 1, selections: 2, depth: 2, introspection: true}},
		{"the name of a type is none", "{ __typename }", size{fields: 1, fragments: 1, selections: 1, depth: 1}},
	} {
		if got := measureDocument(parse(t, c.query)); got != c.want {
			t.Errorf("%s\n got %+v\nwant %+v", c.reason, got, c.want)
		}
	}
}

// TestEdgesOfLimits: what is at a limit passes, one more does not.
func TestEdgesOfLimits(t *testing.T) {
	t.Parallel()
	fields := func(n int, text string) string { return "{" + strings.Repeat(text, n) + "}" }
	for _, c := range []struct {
		reason, query string
		passes        bool
	}{
		{"bytes", "{a}" + strings.Repeat(" ", MaxBytes-3), true},
		{"bytes", "{a}" + strings.Repeat(" ", MaxBytes-2), false},
		{"texts", `{a(b: "` + strings.Repeat("x", MaxTextBytes) + `")}`, true},
		{"texts", `{a(b: "` + strings.Repeat("x", MaxTextBytes+1) + `")}`, false},
		{"escaped texts", `{a(b: "` + strings.Repeat(`\ud83d\ude00`, LongestText) + `")}`, true},
		{"texts that are not ASCII", `{a(b: "` + strings.Repeat("😀", LongestText) + `" c: "` + strings.Repeat("é", LongestText) + `")}` + strings.Repeat(" ", MaxBytes-16), true},
		{"too much beside such texts", `{a(b: "` + strings.Repeat("😀", LongestText) + `" c: "` + strings.Repeat("é", LongestText) + `")}` + strings.Repeat(" ", MaxBytes-15), false},
		{"blocks", `{a(b: """` + strings.Repeat("é\r\n", 20_000) + `""")}` + strings.Repeat(" ", MaxBytes-14), true},
		{"too much beside blocks", `{a(b: """` + strings.Repeat("é\r\n", 20_000) + `""")}` + strings.Repeat(" ", MaxBytes-13), false},
		{"lines", "{a}" + strings.Repeat("\n", MaxLines), true},
		{"lines", "{a}" + strings.Repeat("\n", MaxLines+1), false},
		{"half of a pair in a block is six letters", `{a(b: """` + "\ufffd" + `\ud83d""")}`, true},
		{"comments are not texts", `{a} # "` + strings.Repeat("x", MaxBytes) + `"`, false},
		{"tokens", fields(MaxTokens-2, " a"), true},
		{"tokens", fields(MaxTokens-1, " a"), false},
		{"names", "{" + strings.Repeat("a", MaxNameBytes) + "}", true},
		{"names", "{" + strings.Repeat("a", MaxNameBytes+1) + "}", false},
		{"texts are no names", `{a(b: "` + strings.Repeat("a", MaxNameBytes+1) + `")}`, true},
		{"nesting", strings.Repeat("{a", MaxNesting) + strings.Repeat("}", MaxNesting), true},
		{"nesting", strings.Repeat("{a", MaxNesting+1) + strings.Repeat("}", MaxNesting+1), false},
		{"brackets beside each other", "{" + strings.Repeat(" a(b: [])", MaxNesting) + "}", true},
		{"half of a pair", `{a(b: "\ud83d")}`, false},
		{"the other half alone", `{a(b: "\uDE00")}`, false},
		{"both halves", `{a(b: "\ud83d\ude00")}`, true},
		{"both halves, with something between", `{a(b: "\ud83d \ude00")}`, false},
		{"U+FFFD itself", `{a(b: "` + "\ufffd" + `")}`, true},
		{"U+FFFD as an escape", `{a(b: "\ufffd")}`, true},
		{"U+FFFD beside an escaped backslash", `{a(b: "` + "\ufffd" + `\\ud83d")}`, true},
	} {
		if err := checkText(c.query); (err == nil) != c.passes {
			t.Errorf("%s: %v", c.reason, err)
		}
	}
}

// FuzzLimits: nothing makes the limits panic, nothing is counted below zero, and what passes is validated soon. It sees
// unexpected documents; TestHostileDocuments measures the CPU of the known attacks.
func FuzzLimits(f *testing.F) {
	for _, d := range hostile.All() {
		if d.Raw == nil && len(d.Query) < 4000 { // larger ones slow the fuzzer down
			f.Add(d.Query)
		}
	}
	// Found by this fuzzer: of two fragments of one name, only one was measured, and the other one's spreads were unknown.
	f.Add("{...A}fragment A on Query{...B}fragment A on Chat{A}")
	schema := schemaOfOurs()
	f.Fuzz(func(t *testing.T, query string) {
		if checkText(query) != nil {
			return
		}
		document, err := parser.ParseQuery(&ast.Source{Input: query})
		if err != nil {
			return
		}
		size := measureDocument(document)
		for _, c := range size.counts() {
			if c.value < 0 {
				t.Errorf("%d %s", c.value, c.what)
			}
		}
		if size.check() != nil {
			return
		}
		var errs gqlerror.List
		best := time.Hour
		for tries := 0; best > time.Second && tries < 5; tries++ { // the machine may be busy, and the fuzzer slows it down
			start := time.Now()
			errs = validator.ValidateWithRules(schema, document, Rules(true)())
			best = min(best, time.Since(start))
		}
		if best > time.Second {
			t.Errorf("validation took %s", best)
		}
		if len(errs) > maxErrors {
			t.Errorf("%d errors", len(errs))
		}
		if len(errs) == 0 {
			for _, op := range document.Operations {
				if n := CostOf(op).Of(nil); n < 0 {
					t.Errorf("a cost of %d", n)
				}
			}
		}
	})
}
