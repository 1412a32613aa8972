// Package limits bounds what one GraphQL document may cost: its size and shape before it is validated, the cost of its
// answer before it is executed, and the bytes of text while it is. It also checks values against their types.
package limits

import (
	"context"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"

	"studychat/auth"
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

// Limits is gqlgen's extension that rejects, in this order: unauthenticated requests, oversized documents, costly
// operations.
type Limits struct {
	schema        *ast.Schema
	introspection bool
	known         documentCache
}

var (
	_ graphql.OperationParameterMutator = Limits{}
	_ graphql.OperationContextMutator   = Limits{}
)

// New makes the limits for documents of a schema.
func New(schema *ast.Schema, introspection bool) Limits {
	return Limits{schema: schema, introspection: introspection, known: documentCache{lru.New[*ast.QueryDocument](cachedDocuments)}}
}

// Documents is the executor's cache of documents. A document in it has passed the limits of its text and shape.
func (l Limits) Documents() graphql.Cache[*ast.QueryDocument] { return l.known }

// ExtensionName is for gqlgen.
func (Limits) ExtensionName() string { return "Limits" }

// Validate is for gqlgen.
func (Limits) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters is gqlgen's hook before parsing. It changes only the variables.
func (l Limits) MutateOperationParameters(ctx context.Context, params *graphql.RawParams) *gqlerror.Error {
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
		return nil //nolint:nilerr // gqlgen parses again and reports the error properly
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
func (l Limits) MutateOperationContext(_ context.Context, op *graphql.OperationContext) *gqlerror.Error {
	if op.Operation.Operation == ast.Subscription && len(graphql.CollectFields(op, op.Operation.SelectionSet, []string{"Subscription"})) != 1 {
		return invalid("A subscription must have exactly one root field.")
	}
	if fault := faultOf(op); fault != nil {
		return fault.Present(false) // the presenter hides the schema if it is to be hidden
	}
	return TooComplex("cost, every page being full", MaxCost, cost(op.Operation.SelectionSet, &scope{}, op.Variables))
}

// Bounds of the cache of parsed documents, which clients fill.
const (
	cachedDocuments   = 200      // the largest that pass the limits take 240 KB each when parsed
	cachedDocumentMax = 16 << 10 // bytes; larger documents are parsed each time
)

// documentCache remembers parsed and validated documents, but no large ones, with which an attacker could fill the memory.
type documentCache struct {
	*lru.LRU[*ast.QueryDocument]
}

// Add keeps a document unless it is large.
func (c documentCache) Add(ctx context.Context, query string, document *ast.QueryDocument) {
	if len(query) <= cachedDocumentMax {
		c.LRU.Add(ctx, query, document)
	}
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
