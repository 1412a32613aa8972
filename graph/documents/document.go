// Package documents keeps what was found out about GraphQL documents, so that a document that comes again is neither parsed nor
// validated nor measured again.
package documents

import (
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"studychat/graph/limits"
	"studychat/graph/plan"
)

// Document is a document that is valid and within the limits. It does not change, except that plans are added.
type Document struct {
	Text string
	AST  *ast.QueryDocument

	operations []*Operation
}

// Operation is one of a document's operations.
type Operation struct {
	Definition *ast.OperationDefinition
	Document   *Document

	limits limits.Limits
	cost   limits.Cost

	planned sync.Once
	plans   *plan.Operation
}

// parse makes a document of a text.
func parse(l limits.Limits, text string) (*Document, gqlerror.List) {
	parsed, errs := l.Parse(text)
	if len(errs) > 0 {
		return nil, errs
	}
	document := &Document{Text: text, AST: parsed}
	for _, definition := range parsed.Operations {
		document.operations = append(document.operations, &Operation{Definition: definition, Document: document, limits: l, cost: limits.CostOf(definition)})
	}
	return document, nil
}

// Operation returns the operation with that name; without a name, the only one.
func (d *Document) Operation(name string) (*Operation, *gqlerror.Error) {
	if name == "" && len(d.operations) == 1 {
		return d.operations[0], nil
	}
	for _, operation := range d.operations {
		if operation.Definition.Name == name {
			return operation, nil
		}
	}
	return nil, limits.UnknownOperation(name)
}

// Variables returns what the operation may run with: the variables that a client sent, coerced, with the defaults of others. A
// fault says why they do not fit their types. Then the number of a subscription's fields and the cost are checked, which depend
// on variables.
func (o *Operation) Variables(given map[string]any) (variables map[string]any, fault *limits.VariableFault, err error) {
	variables, fault, err = o.limits.Variables(o.Definition, given)
	if fault != nil || err != nil {
		return nil, fault, err
	}
	if o.Definition.Operation == ast.Subscription {
		if err := limits.CheckSubscription(o.Context(variables)); err != nil {
			return nil, nil, err
		}
	}
	if err := limits.CheckCost(o.cost.Of(variables)); err != nil {
		return nil, nil, err
	}
	return variables, nil, nil
}

// Plan is the operation's plan for coerced variables; nil if plans do not cover it. All calls have to name the same planner.
func (o *Operation) Plan(planner *plan.Planner, variables map[string]any) *plan.Plan {
	o.planned.Do(func() { o.plans = planner.Operation(o.Document.AST, o.Definition, len(o.Document.Text)) })
	return o.plans.Plan(variables)
}

// Context is the operation as gqlgen's executor wants it.
func (o *Operation) Context(variables map[string]any) *graphql.OperationContext {
	return &graphql.OperationContext{
		RawQuery: o.Document.Text, Doc: o.Document.AST, Operation: o.Definition, OperationName: o.Definition.Name,
		Variables: variables, DisableIntrospection: true,
	}
}
