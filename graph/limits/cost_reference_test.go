package limits

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"

	"studychat/db"
)

// reference walks the document for each request. It is slow and plain: the compiled cost must be the same number.
type reference struct {
	variables map[string]any
	page      int
	content   *string
}

func (r reference) of(set ast.SelectionSet) (n int) {
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			inner := reference{r.variables, r.pageSize(s), new(string)}.of(s.SelectionSet)
			n += r.elements(s) * (ownCost(s, r.scope(s)) + inner)
		case *ast.InlineFragment:
			n += r.of(s.SelectionSet)
		case *ast.FragmentSpread:
			n += r.of(s.Definition.SelectionSet)
		}
		n = min(saturated, n)
	}
	return n
}

func (r reference) scope(s *ast.Field) *scope {
	in := &scope{content: *r.content}
	if key(s) == "Message.content" && *r.content == "" {
		*r.content = s.Alias
	}
	return in
}

func (r reference) elements(field *ast.Field) int {
	if field.Definition.Type.Elem == nil {
		return 1
	}
	if strings.HasSuffix(field.ObjectDefinition.Name, "Connection") {
		return r.page
	}
	if ids := field.Arguments.ForName("ids"); ids != nil {
		value, _ := ids.Value.Value(r.variables)
		list, _ := value.([]any)
		return min(max(len(list), 1), MaxNodes)
	}
	if n, ok := listSize[key(field)]; ok {
		return n
	}
	return otherList
}

func (r reference) pageSize(field *ast.Field) int {
	size, paged := usualPage[key(field)]
	for _, name := range []string{"first", "last"} {
		if argument := field.Arguments.ForName(name); argument != nil && paged {
			value, _ := argument.Value.Value(r.variables)
			var n int
			if _, err := fmt.Sscan(fmt.Sprint(value), &n); err == nil {
				size = min(max(n, 0), db.MaxPage)
			}
		}
	}
	return size
}

// TestCostIsThatOfTheReference compares both for the documents of real clients, with random variables.
func TestCostIsThatOfTheReference(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../testdata/documents/*.graphql")
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{
		`query ($n: Int, $m: Int) { chats(first: $n) { edges { node { a: messages(last: $m) { edges { cursor node { content x: content } } } } } } }`,
		`query ($n: Int) { a: chats(first: 3) { edges { cursor } } b: chats(last: $n) { edges { node { members { role } } } } }`,
		`query ($ids: [ID!]!, $n: Int) { nodes(ids: $ids) { id ...F } } fragment F on Chat { messages(first: $n) { edges { cursor } } }`,
		`query ($id: ID!) { nodes(ids: ["1", $id, "2"]) { id } chat(id: $id) { members { role } } }`,
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	varied := 0
	for _, text := range texts {
		document := parse(t, text)
		if errs := validator.ValidateWithRules(schemaOfOurs(), document, nil); errs != nil {
			t.Fatal(text, errs)
		}
		for _, op := range document.Operations {
			compiled, seen := CostOf(op), map[int]bool{}
			for range 50 {
				variables := randomVariables(op)
				got, want := compiled.Of(variables), reference{variables, 0, new(string)}.of(op.SelectionSet)
				if got != want {
					t.Errorf("%d, the reference says %d: %v\n%s", got, want, variables, text)
				}
				seen[got] = true
			}
			if len(seen) > 1 {
				varied++
			}
		}
	}
	if varied < 4 {
		t.Errorf("the cost of %d operations depends on variables", varied)
	}
}

func randomVariables(op *ast.OperationDefinition) map[string]any {
	out := map[string]any{}
	for _, d := range op.VariableDefinitions {
		switch n := rand.IntN(130) - 10; {
		case n == 0:
		case n == 1:
			out[d.Variable] = nil
		case d.Type.Elem != nil:
			out[d.Variable] = make([]any, max(0, n))
		case d.Type.Name() == "Int":
			out[d.Variable] = int64(n)
		default:
			out[d.Variable] = "x"
		}
	}
	return out
}

func BenchmarkCost(b *testing.B) {
	document := parse(b, `query ($n: Int) { chats(first: $n) { edges { node { id title lastMessage { content author { name } } } } } }`)
	if errs := validator.ValidateWithRules(schemaOfOurs(), document, nil); errs != nil {
		b.Fatal(errs)
	}
	cost, variables := CostOf(document.Operations[0]), map[string]any{"n": int64(20)}
	b.ReportAllocs()
	for b.Loop() {
		cost.Of(variables)
	}
}
