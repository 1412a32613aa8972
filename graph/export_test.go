package graph

import "github.com/vektah/gqlparser/v2/ast"

// For tests of package graph_test.
const Patience = patience

// UntilAvailable is for tests.
var UntilAvailable = untilAvailable

// Schema is what clients see. It must not be changed.
func Schema() *ast.Schema { return schema }
