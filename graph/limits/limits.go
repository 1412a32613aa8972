// Package limits bounds what one GraphQL document may cost: its size and shape before it is validated, the cost of its
// answer before it is executed, and the bytes of text while it is. It also checks values against their types.
package limits

import (
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"studychat/db"
)

// Limits of a document. They are checked before validation, whose time grows with the square of what is repeated. Each error
// tells the limit and the value. The documents of real clients reach at most three quarters of each limit, mostly a tenth, as a
// test checks. A document within the limits is validated in a few milliseconds of CPU.
const (
	MaxBytes      = 128 << 10               // besides the texts in it
	MaxTextBytes  = LongestText*12 + 16<<10 // of the texts in it, with their escapes: \ud83d\ude00 is one character; there is room for a title and ids beside the longest
	MaxLines      = 50_000                  // a block of text is split at each of them, three times
	MaxTokens     = 5000                    // comments count
	MaxNameBytes  = 80                      // validation compares names with the schema's, in time that grows with their length
	MaxNesting    = 50                      // of brackets of all kinds: selections, lists, objects
	MaxFields     = 500                     // as written
	MaxSelections = 5000                    // and values, of all operations and fragments with fragments expanded, which may double at each level
	MaxDepth      = 20                      // of fields and inline fragments
	MaxAliases    = 100
	MaxFragments  = 100 // definitions and operations together
	MaxDirectives = 100
	MaxVariables  = 100
	MaxArguments  = 500
	MaxRepeats    = 5000 // pairs of fields in the same place of the answer; validation compares each pair
)

// LongestText is the number of characters of the longest text that the schema promises to take: the content of a module.
const LongestText = db.MaxModuleContent

// Limits rejects documents of a schema that are oversized, not valid, or cost too much.
type Limits struct {
	schema        *ast.Schema
	introspection bool
	rules         func() *rules.Rules
}

// New makes the limits for documents of a schema.
func New(schema *ast.Schema, introspection bool) Limits {
	return Limits{schema: schema, introspection: introspection, rules: Rules(introspection)}
}

// Parse returns the document of a text that is within the limits and valid, with at least one operation.
func (l Limits) Parse(text string) (*ast.QueryDocument, gqlerror.List) {
	if err := checkText(text); err != nil {
		return nil, gqlerror.List{err}
	}
	document, err := parser.ParseQuery(&ast.Source{Input: text})
	if err != nil {
		return nil, gqlerror.List{parseError(err)}
	}
	size := measureDocument(document)
	if size.introspection && !l.introspection {
		return nil, gqlerror.List{invalid("Introspection is off on this server.")}
	}
	if err := size.check(); err != nil {
		return nil, gqlerror.List{err}
	}
	if len(document.Operations) == 0 {
		return nil, gqlerror.List{invalid("no operation provided")}
	}
	errs := validator.ValidateWithRules(l.schema, document, l.rules())
	for _, err := range errs {
		errcode.Set(err, errcode.ValidationFailed)
	}
	return document, errs
}

func parseError(err error) *gqlerror.Error {
	out := gqlerror.WrapIfUnwrapped(err)
	errcode.Set(out, errcode.ParseFailed)
	return out
}

// CheckCost refuses an operation that costs too much.
func CheckCost(cost int) *gqlerror.Error {
	return TooComplex("cost, every page being full", MaxCost, cost)
}

// CheckSubscription refuses a subscription that has not exactly one root field, after @skip and @include.
func CheckSubscription(op *graphql.OperationContext) *gqlerror.Error {
	if len(graphql.CollectFields(op, op.Operation.SelectionSet, []string{"Subscription"})) != 1 {
		return invalid("A subscription must have exactly one root field.")
	}
	return nil
}

// UnknownOperation refuses a request whose document has no operation of that name.
func UnknownOperation(name string) *gqlerror.Error {
	return invalid("operation " + name + " not found")
}

// Check says why a document of the schema could never run: it is above a limit, or not valid.
func Check(schema *ast.Schema, text string) error {
	if err := checkText(text); err != nil {
		return err
	}
	document, err := parser.ParseQuery(&ast.Source{Input: text})
	if err != nil {
		return err
	}
	name := document.Operations[0].Name
	if err := measureDocument(document).check(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if errs := validator.ValidateWithRules(schema, document, Rules(true)()); len(errs) > 0 {
		return fmt.Errorf("%s: %w", name, errs)
	}
	return nil
}
