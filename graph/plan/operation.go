package plan

import (
	"sync"

	"github.com/vektah/gqlparser/v2/ast"
)

// Bounds of the plans that are kept of one operation: each boolean variable of its conditions doubles their number, and an
// interface compiles fragments again for each of its types. A field takes about 200 bytes. What is not kept is compiled each
// time, which takes about as long as gqlgen's executor does without a plan.
const (
	maxKept       = 128 // fields
	textPerKept   = 16  // so many bytes of the document allow one field more
	maxUnplanable = 16  // combinations of variables that plans do not cover
)

// Operation is an operation of a document with its plans, one for each combination of the variables that its conditions use.
type Operation struct {
	planner    *Planner
	doc        *ast.QueryDocument
	op         *ast.OperationDefinition
	conditions []string

	mu    sync.RWMutex
	plans map[string]*Plan // by the values of the conditions; nil for what plans do not cover
	room  int              // in fields
}

// Operation makes one for a validated document, whose text has so many bytes. It compiles nothing yet.
func (p *Planner) Operation(doc *ast.QueryDocument, op *ast.OperationDefinition, textBytes int) *Operation {
	return &Operation{
		planner: p, doc: doc, op: op, conditions: conditions(doc, op),
		plans: map[string]*Plan{}, room: maxKept + textBytes/textPerKept,
	}
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
	o.keep(string(key), plan)
	return plan
}

func (o *Operation) keep(key string, plan *Plan) {
	weight := maxKept / maxUnplanable
	if plan != nil {
		weight = plan.size
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.plans[key]; !ok && weight <= o.room {
		o.room -= weight
		o.plans[key] = plan
	}
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
