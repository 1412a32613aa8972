package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// wholeEvent mends the answers for events in which something failed. gqlgen resolves an event as if the subscription's
// field were not there: paths of errors begin below it, and a null that may not be there stays under it, while it should
// reach data (GraphQL, 6.4.4).
func wholeEvent(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	response := next(ctx)
	if response == nil || len(response.Errors) == 0 || len(response.Data) == 0 {
		return response
	}
	operation := graphql.GetOperationContext(ctx)
	if operation.Operation.Operation != ast.Subscription {
		return response
	}
	root := graphql.CollectFields(operation, operation.Operation.SelectionSet, []string{"Subscription"})[0]
	for _, err := range response.Errors {
		if len(err.Path) > 0 {
			err.Path = append(ast.Path{ast.PathName(root.Alias)}, err.Path...)
		}
	}
	if root.Definition.Type.NonNull && string(response.Data) == `{"`+root.Alias+`":null}` {
		response.Data = []byte("null")
	}
	return response
}
