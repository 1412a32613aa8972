package graph

import (
	"maps"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"studychat/graph/generated"
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

// Schema is what clients see. It must not be changed.
func Schema() *ast.Schema { return schema }

// executable is the schema with what answers for its fields.
func executable(r generated.ResolverRoot) graphql.ExecutableSchema {
	return generated.NewExecutableSchema(generated.Config{Schema: schema, Resolvers: r})
}
