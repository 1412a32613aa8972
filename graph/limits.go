package graph

import (
	"context"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"

	"studychat/auth"
	"studychat/db"
)

// Limits of a document, checked before it is validated, since validation takes time that grows with the square of what
// is repeated. Each error tells the limit and the value. The documents of real clients need three quarters of each at
// most and mostly a tenth, which a test holds; what passes is validated in a few milliseconds of CPU.
const (
	MaxBytes      = 128 << 10               // besides the texts in it
	MaxTextBytes  = LongestText*12 + 16<<10 // of the texts in it, with their escapes: \ud83d\ude00 is one character; there is room for a title and ids beside the longest
	MaxLines      = 50_000                  // a block of text is split at each of them, three times
	MaxTokens     = 5000                    // comments count
	MaxNameBytes  = 80                      // validation compares names with the schema's, in time that grows with their lengths
	MaxNesting    = 50                      // of brackets of all kinds: selections, lists, objects
	MaxFields     = 500                     // as written
	MaxSelections = 5000                    // and values, with fragments expanded, of all operations and fragments: fragments in a chain double with each
	MaxDepth      = 20                      // of fields and inline fragments
	MaxAliases    = 100
	MaxFragments  = 100 // definitions and operations together
	MaxDirectives = 100
	MaxVariables  = 100
	MaxArguments  = 500
	MaxRepeats    = 5000 // pairs of fields that would stand in the same place of the answer; validation compares each
)

// LongestText is the number of characters of the longest text that the schema promises to take: the content of a module.
const LongestText = db.MaxModuleContent

const codeTooComplex = "QUERY_TOO_COMPLEX"

func init() {
	errcode.RegisterErrorType(codeTooComplex, errcode.KindProtocol)
}

// limits refuses what would cost too much, at the earliest moment that can tell: nobody asks; the document is too big;
// the answer could be too big.
type limits struct {
	known         documentCache
	introspection bool
	schema        *ast.Schema
}

var (
	_ graphql.OperationParameterMutator = limits{}
	_ graphql.OperationContextMutator   = limits{}
)

// ExtensionName is for gqlgen.
func (limits) ExtensionName() string { return "Limits" }

// Validate is for gqlgen.
func (limits) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters is gqlgen's hook before parsing. It changes the variables alone.
func (l limits) MutateOperationParameters(ctx context.Context, params *graphql.RawParams) *gqlerror.Error {
	if _, err := auth.FromContext(ctx); err != nil {
		return gqlerror.WrapPath(nil, err)
	}
	if document, ok := l.known.Get(ctx, params.Query); ok { // it passed before
		l.coerceVariables(ctx, document, params)
		return nil
	}
	if err := checkText(params.Query); err != nil {
		return err
	}
	document, err := parser.ParseQuery(&ast.Source{Input: params.Query})
	if err != nil {
		return nil //nolint:nilerr // gqlgen parses again and says so properly
	}
	size := measureDocument(document)
	if size.introspection && !l.introspection {
		return invalid("Introspection is off on this server.")
	}
	if err := size.check(); err != nil {
		return err
	}
	l.coerceVariables(ctx, document, params)
	return nil
}

// MutateOperationContext changes nothing; it is gqlgen's hook after validation.
func (l limits) MutateOperationContext(_ context.Context, op *graphql.OperationContext) *gqlerror.Error {
	if op.Operation.Operation == ast.Subscription && len(graphql.CollectFields(op, op.Operation.SelectionSet, []string{"Subscription"})) != 1 {
		return invalid("A subscription must have exactly one root field.")
	}
	if fault := variableFaultOf(op); fault != nil {
		return fault.present(false) // the presenter hides what is to be hidden
	}
	return tooComplex("cost, every page being full", MaxCost, cost(op.Operation.SelectionSet, op.Variables))
}

// invalid is a request error of GraphQL's own kind.
func invalid(message string) *gqlerror.Error {
	err := gqlerror.Errorf("%s", message)
	errcode.Set(err, errcode.ValidationFailed)
	return err
}

// tooComplex is nil within the limit.
func tooComplex(what string, limit, value int) *gqlerror.Error {
	if value <= limit {
		return nil
	}
	return refusal(fmt.Sprintf("The document has too many %s: %d, of at most %d.", what, value, limit), limit, value)
}

func refusal(message string, limit, value int) *gqlerror.Error {
	err := gqlerror.Errorf("%s", message)
	err.Extensions = map[string]any{"code": codeTooComplex, "limit": limit, "value": value}
	return err
}

// count is one thing that is limited.
type count struct {
	what         string
	limit, value int
}

func checkCounts(counts []count) *gqlerror.Error {
	for _, c := range counts {
		if err := tooComplex(c.what, c.limit, c.value); err != nil {
			return err
		}
	}
	return nil
}

// badText is what a document is refused with whose text nobody can have meant.
func badText(message string) *gqlerror.Error {
	err := gqlerror.Errorf("%s", message)
	errcode.Set(err, errcode.ParseFailed)
	return err
}
