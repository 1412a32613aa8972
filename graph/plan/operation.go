package plan

import (
	"sync"

	"github.com/vektah/gqlparser/v2/ast"
)

// maxVariants bounds how many plans of one operation are kept: each boolean variable of its conditions doubles their number.
const maxVariants = 16

// Operation is an operation of a document with its plans, one for each combination of the variables that its conditions use.
type Operation struct {
	planner    *Planner
	doc        *ast.QueryDocument
	op         *ast.OperationDefinition
	conditions []string

	mu    sync.RWMutex
	plans map[string]*Plan // by the values of the conditions; nil for what plans do not cover
}

// Operation makes one for a validated document. It compiles nothing yet.
func (p *Planner) Operation(doc *ast.QueryDocument, op *ast.OperationDefinition) *Operation {
	return &Operation{planner: p, doc: doc, op: op, conditions: conditions(doc, op), plans: map[string]*Plan{}}
}

// Plan is the plan for the variables, which are coerced; nil if plans do not cover the operation.
func (o *Operation) Plan(vars map[string]any) *Plan {
	var buf [16]byte
	key := o.key(buf[:0], vars)
	o.mu.RLock()
	plan, ok := o.plans[string(key)]
	o.mu.RUnlock()
	if ok {
		return plan
	}
	plan, covered := o.planner.Compile(o.doc, o.op, vars)
	if !covered {
		plan = nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.plans) < maxVariants {
		o.plans[string(key)] = plan
	}
	return plan
}

// key has a letter for the value of each condition.
func (o *Operation) key(key []byte, vars map[string]any) []byte {
	for _, name := range o.conditions {
		switch vars[name] {
		case true:
			key = append(key, 't')
		case false:
			key = append(key, 'f')
		default:
			key = append(key, '-')
		}
	}
	return key
}
