package plan

import (
	"slices"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
)

// Compile makes the plan of an operation of a validated document, for certain values of the variables that its @skip and
// @include use. covered is false for what plans cannot do: introspection, and conditions that are not booleans.
func (p *Planner) Compile(doc *ast.QueryDocument, op *ast.OperationDefinition, vars map[string]any) (plan *Plan, covered bool) {
	root := map[ast.Operation]*ast.Definition{ast.Query: p.schema.Query, ast.Mutation: p.schema.Mutation, ast.Subscription: p.schema.Subscription}[op.Operation]
	if root == nil || p.types[root.Name] == nil {
		return nil, false
	}
	c := &compiler{
		planner: p, doc: doc, vars: vars, covered: true, sets: map[setKey]*Set{},
		plan: &Plan{planner: p, kind: op.Operation, selected: map[string]struct{}{}},
	}
	c.plan.root = c.set(p.types[root.Name], []ast.SelectionSet{op.SelectionSet})
	if op.Operation == ast.Subscription && (len(c.plan.root.fields) != 1 || c.plan.root.fields[0].constant != "") {
		return nil, false
	}
	return c.plan, c.covered
}

type compiler struct {
	planner *Planner
	doc     *ast.QueryDocument
	vars    map[string]any
	plan    *Plan
	covered bool
	sets    map[setKey]*Set // of fields that are selected once, so that fragments are compiled once for each type
}

type setKey struct {
	field *ast.Field
	on    string
}

// group is the fields that become one field of the answer.
type group struct {
	alias string
	nodes []*ast.Field
}

func (c *compiler) set(t *Type, selections []ast.SelectionSet) *Set {
	found := &collection{compiler: c, on: t.Name, visited: map[string]bool{}}
	for _, selection := range selections {
		found.add(selection)
	}
	set := &Set{fields: make([]Field, len(found.groups))}
	c.plan.size += len(found.groups) + 1
	for i, g := range found.groups {
		c.field(&set.fields[i], t, g)
		prefix := ","
		if i == 0 {
			prefix = "{"
		}
		set.fields[i].key = prefix + strconv.Quote(g.alias) + ":"
		set.add(t, i)
	}
	c.keepable(set, t)
	return set
}

// add notes what the whole set has to know of the field at i. The same field under a second name is not worth being read at the
// same time, unless it has arguments of its own.
func (set *Set) add(t *Type, i int) {
	f := &set.fields[i]
	if f.arguments == nil && slices.ContainsFunc(set.fields[:i], func(earlier Field) bool { return earlier.ID == f.ID && earlier.constant == "" }) {
		f.gathers = false
	}
	if f.gathers {
		set.gather++
	}
	if f.slot > 0 && !t.Fields[f.ID].Shared || f.child != nil && f.child.dependent {
		set.dependent = true
	}
	set.dependent = set.dependent || slices.ContainsFunc(f.on, func(on *Set) bool { return on != nil && on.dependent })
}

func (c *compiler) field(f *Field, t *Type, g *group) {
	node := g.nodes[0]
	f.alias, f.position = g.alias, node.Position
	if node.Name == "__typename" {
		f.constant = strconv.Quote(t.Name)
		return
	}
	id, ok := t.ids[node.Name]
	if !ok {
		c.covered = false // __schema and __type
		return
	}
	c.plan.selected[node.Name] = struct{}{}
	info, of := t.Fields[id], node.Definition.Type
	f.ID, f.nonNull, f.elementNonNull = id, of.NonNull, of.Elem != nil && of.Elem.NonNull
	if info.Waits {
		c.plan.slots++
		f.slot, f.gathers = c.plan.slots, info.Gather
	}
	if info.Decode != nil {
		f.arguments = c.arguments(info, node)
	}
	c.children(f, g)
}

// children compiles what is selected of the field's value: for an interface, once for each type that it may have.
func (c *compiler) children(f *Field, g *group) {
	def := c.planner.schema.Types[g.nodes[0].Definition.Type.Name()]
	switch def.Kind {
	case ast.Object:
		f.child = c.child(def.Name, g.nodes)
	case ast.Interface, ast.Union:
		f.on = make([]*Set, len(c.planner.types))
		c.plan.size += 2
		for _, possible := range c.planner.schema.GetPossibleTypes(def) {
			if t := c.planner.types[possible.Name]; t != nil { // nil: an interface that implements this one
				f.on[t.number] = c.child(possible.Name, g.nodes)
			}
		}
	}
}

func (c *compiler) child(on string, nodes []*ast.Field) *Set {
	key := setKey{nodes[0], on}
	if set := c.sets[key]; set != nil && len(nodes) == 1 {
		return set
	}
	selections := make([]ast.SelectionSet, len(nodes))
	for i, node := range nodes {
		selections[i] = node.SelectionSet
	}
	set := c.set(c.planner.types[on], selections)
	if len(nodes) == 1 {
		c.sets[key] = set
	}
	return set
}
