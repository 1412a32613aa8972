package graph

import (
	"errors"
	"fmt"
	"maps"

	"github.com/vektah/gqlparser/v2/ast"

	"studychat/graph/generated"
	"studychat/graph/limits"
	"studychat/graph/persisted"
)

// schema is what clients see and what their documents are validated against. The parser adds @defer to every schema; it is
// not part of GraphQL (September 2025), no transport carries the answers that would come later, and what was deferred
// became null. Without the definition it is an unknown directive. A copy: the generated one belongs to its package.
var schema = func() *ast.Schema {
	own := *generated.NewExecutableSchema(generated.Config{}).Schema()
	own.Directives = maps.Clone(own.Directives)
	delete(own.Directives, "defer")
	return &own
}()

// CheckManifest says which documents of a manifest could never run, because they do not fit the schema or exceed the
// limits. A server calls it at its start: otherwise the first failing client would show the mistake.
func CheckManifest(manifest *persisted.Manifest) error {
	var wrong []error
	for id, text := range manifest.All() {
		if err := limits.Check(schema, text); err != nil {
			wrong = append(wrong, fmt.Errorf("the trusted document %.100q: %w", id, err))
		}
	}
	return errors.Join(wrong...)
}
