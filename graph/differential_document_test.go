package graph_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"studychat/db"
	"studychat/graph"
)

// randomDocument writes a document of the schema: fields under several names, fragments of all kinds, conditions, variables, fields
// that merge.
type randomDocument struct {
	*rand.Rand

	schema    *ast.Schema
	variables map[string]any
	declared  []string
	fragments []string
	named     map[string][]string // names of fragments by their type
	arguments map[string]string   // by the field and its alias, since fields with one name have to agree
}

func newRandomDocument(seed uint64) *randomDocument {
	return &randomDocument{
		Rand: rand.New(rand.NewPCG(seed, 11)), schema: graph.Schema(), variables: map[string]any{},
		named: map[string][]string{}, arguments: map[string]string{},
	}
}

func (r *randomDocument) often(percent int) bool { return r.IntN(100) < percent }

// write returns a document with one operation of that kind.
func (r *randomDocument) write(kind ast.Operation) string {
	root := map[ast.Operation]*ast.Definition{ast.Query: r.schema.Query, ast.Mutation: r.schema.Mutation, ast.Subscription: r.schema.Subscription}[kind]
	var body string
	if kind == ast.Subscription {
		body = fmt.Sprintf("{ chatEvents(chatId: %q) %s }", chat1, r.selection(r.schema.Types["ChatEvent"], 4))
	} else {
		body = r.selection(root, 5)
	}
	head := string(kind)
	if len(r.declared) > 0 {
		head += " (" + strings.Join(r.declared, ", ") + ")"
	}
	return head + " " + body + "\n" + strings.Join(r.fragments, "\n")
}

// selection is what is selected of a type, at most so many levels deep.
func (r *randomDocument) selection(def *ast.Definition, depth int) string {
	var parts []string
	for range 1 + r.IntN(4) {
		if part := r.part(def, depth); part != "" {
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		parts = []string{"__typename"}
	}
	if r.often(20) {
		parts = append(parts, parts[0])
	}
	return "{ " + strings.Join(parts, " ") + " }"
}

func (r *randomDocument) part(def *ast.Definition, depth int) string {
	if possible := r.schema.GetPossibleTypes(def); depth > 0 && (r.often(20) || def.Kind == ast.Interface && r.often(70)) {
		on := possible[r.IntN(len(possible))]
		if r.often(20) && len(on.Interfaces) > 0 {
			on = r.schema.Types[on.Interfaces[r.IntN(len(on.Interfaces))]]
		}
		return r.fragment(on, depth-1)
	}
	if def.Kind == ast.Object && r.often(8) {
		return "... " + r.condition() + r.selection(def, depth-1)
	}
	return r.field(def, depth)
}

func (r *randomDocument) fragment(on *ast.Definition, depth int) string {
	if r.often(60) {
		return "... on " + on.Name + " " + r.condition() + r.selection(on, depth)
	}
	known := r.named[on.Name]
	if len(known) > 0 && r.often(60) {
		return "..." + known[r.IntN(len(known))] + " " + r.condition()
	}
	text := r.selection(on, depth)
	name := fmt.Sprintf("F%d", len(r.fragments))
	r.fragments = append(r.fragments, "fragment "+name+" on "+on.Name+" "+text)
	r.named[on.Name] = append(known, name)
	return "..." + name + " " + r.condition()
}

func (r *randomDocument) field(def *ast.Definition, depth int) string {
	fields := slices.DeleteFunc(slices.Clone(def.Fields), func(f *ast.FieldDefinition) bool {
		return strings.HasPrefix(f.Name, "__") || depth <= 0 && !r.schema.Types[f.Type.Name()].IsLeafType()
	})
	if len(fields) == 0 || r.often(5) {
		return "__typename"
	}
	f := fields[r.IntN(len(fields))]
	text, alias := f.Name, f.Name
	if r.often(30) {
		alias = fmt.Sprintf("%s_%d", f.Name, 1+r.IntN(2))
		text = alias + ": " + f.Name
	}
	key := def.Name + f.Name + alias
	arguments, ok := r.arguments[key]
	if !ok {
		arguments = r.argumentsOf(f)
		r.arguments[key] = arguments
	}
	text += arguments + " " + r.condition()
	if of := r.schema.Types[f.Type.Name()]; !of.IsLeafType() {
		text += r.selection(of, depth-1)
	}
	return text
}

// condition is often nothing.
func (r *randomDocument) condition() string {
	if r.often(85) {
		return ""
	}
	value := strconv.FormatBool(r.often(50))
	if r.often(50) {
		value = r.variable(ast.NonNullNamedType("Boolean", nil), r.often(50))
	}
	if r.often(50) {
		return "@skip(if: " + value + ") "
	}
	return "@include(if: " + value + ") "
}

func (r *randomDocument) variable(of *ast.Type, value any) string {
	name := fmt.Sprintf("v%d", len(r.declared))
	r.declared = append(r.declared, "$"+name+": "+of.String())
	if of.NonNull || r.often(75) {
		r.variables[name] = value
	}
	return "$" + name
}

func (r *randomDocument) argumentsOf(f *ast.FieldDefinition) string {
	var given []string
	for _, argument := range f.Arguments {
		if !argument.Type.NonNull && r.often(70) {
			continue
		}
		literal, value := r.value(argument.Type, argument.Name)
		if r.often(35) {
			literal = r.variable(argument.Type, value)
		}
		given = append(given, argument.Name+": "+literal)
	}
	if len(given) == 0 {
		return ""
	}
	return "(" + strings.Join(given, ", ") + ")"
}

// value is a value of an input type: as a literal, and as it is in variables.
func (r *randomDocument) value(of *ast.Type, name string) (literal string, value any) {
	if !of.NonNull && r.often(15) {
		return "null", nil
	}
	if of.Elem != nil {
		return r.list(of, name)
	}
	def := r.schema.Types[of.Name()]
	switch {
	case def.Kind == ast.InputObject:
		return r.object(def)
	case def.Kind == ast.Enum:
		chosen := def.EnumValues[r.IntN(len(def.EnumValues))].Name
		return chosen, chosen
	case def.Name == "Int":
		n := pick(r, 0, 1, 2, 20, 20, -1)
		return strconv.Itoa(n), n
	case def.Name == "Boolean":
		b := r.often(50)
		return strconv.FormatBool(b), b
	case def.Name == "DateTime":
		value = pick(r, "2026-03-01T09:30:00Z", "yesterday")
	case def.Name == "ID":
		value = r.id(name)
	default:
		value = pick(r, "", "x", "a text with \"quotes\", a \\, a tab\t, a line\n, é and 🙂", db.Key{At: someTime, ID: chat1}.ChatCursor())
	}
	quoted, _ := json.Marshal(value)
	return string(quoted), value
}

func (r *randomDocument) id(name string) string {
	switch name {
	case "moduleId":
		return pick(r, "math-2", "math-2", "physics", "a:b")
	case "userId":
		return pick(r, "ann", "bob", "eve", "user:bob")
	case "messageId", "replyToId":
		return pick(r, message1, message2, nowhere, "x")
	case "chatId":
		return pick(r, chat1, chat1, chat2, nowhere, "x")
	}
	return pick(r, chat1, chat1, chat2, message1, "math-2", nowhere, "user:bob", "member:"+chat1+":bob", "state:"+chat1+":ann", "x")
}

func (r *randomDocument) list(of *ast.Type, name string) (string, any) {
	var literals []string
	values := []any{}
	for range r.IntN(5) {
		literal, value := r.value(of.Elem, name)
		literals, values = append(literals, literal), append(values, value)
	}
	return "[" + strings.Join(literals, ", ") + "]", values
}

func (r *randomDocument) object(def *ast.Definition) (string, any) {
	var literals []string
	values := map[string]any{}
	for _, f := range def.Fields {
		// Without an id the server makes one, which differs from call to call.
		if !f.Type.NonNull && f.Name != "id" && r.often(50) {
			continue
		}
		literal, value := r.value(ast.NonNullNamedType(f.Type.Name(), nil), f.Name)
		if !f.Type.NonNull && f.Name != "id" {
			literal, value = r.value(f.Type, f.Name)
		}
		literals = append(literals, f.Name+": "+literal)
		values[f.Name] = value
	}
	return "{" + strings.Join(literals, ", ") + "}", values
}

func pick[T any](r *randomDocument, from ...T) T { return from[r.IntN(len(from))] }
