package graph

import "github.com/vektah/gqlparser/v2/ast"

// For tests of package graph_test.
const Patience = patience

// UntilAvailable is for tests.
var UntilAvailable = untilAvailable

// Schema is what clients see. It must not be changed.
func Schema() *ast.Schema { return schema }

// NewStockExecutor runs every operation on gqlgen's executor, as NewExecutor does with introspection.
func NewStockExecutor(r *Resolver, o Options) *Executor {
	e := NewExecutor(r, o)
	e.planner = nil
	return e
}
