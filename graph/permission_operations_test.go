package graph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"studychat/db"
	"studychat/graph/generated"
)

// target is what the values of an operation are taken from.
type target struct {
	viewer        string // the user of the request
	chat, message string
	node          string // the chat or the message
	newChat       string // the id to give to a new chat; "" for none
	newMessage    string
	role          string
}

// leftOut is the value of an optional argument that is not given.
const leftOut = "\x00"

// values is what to give for every argument and every input field of the schema. One that the schema gains must be added
// here: the test does not guess.
var values = map[string]func(target) any{
	"Query.chats(first)": number(2), "Query.chats(after)": absent, "Query.chats(last)": absent, "Query.chats(before)": absent,
	"Query.chats(moduleId)": absent,
	"Chat.messages(first)":  number(5), "Chat.messages(after)": absent, "Chat.messages(last)": absent, "Chat.messages(before)": absent,
	"Chat.messages(around)": absent,
	"Query.modules(first)":  number(2), "Query.modules(after)": absent, "Query.modules(last)": absent, "Query.modules(before)": absent,
	"Module.chats(first)": number(2), "Module.chats(after)": absent, "Module.chats(last)": absent, "Module.chats(before)": absent,

	"Query.chat(id)":   theChat,
	"Query.node(id)":   func(to target) any { return to.node },
	"Query.nodes(ids)": func(to target) any { return []string{to.node} },
	"Query.module(id)": text("math-2"),

	"CreateChatInput.id":       func(to target) any { return orLeftOut(to.newChat) },
	"CreateChatInput.title":    text("a title of one's own"),
	"CreateChatInput.moduleId": absent,
	"RenameChatInput.chatId":   theChat,
	"RenameChatInput.title":    text("SECRET no more"),
	"DeleteChatInput.chatId":   theChat,
	"TransferChatInput.chatId": theChat,
	"TransferChatInput.userId": text(member),

	"SendMessageInput.id":          func(to target) any { return orLeftOut(to.newMessage) },
	"SendMessageInput.chatId":      theChat,
	"SendMessageInput.content":     text("hello"),
	"SendMessageInput.role":        func(to target) any { return to.role },
	"SendMessageInput.replyToId":   theMessage,
	"EditMessageInput.messageId":   theMessage,
	"EditMessageInput.content":     text("hello"),
	"DeleteMessageInput.messageId": theMessage,

	"AddMemberInput.chatId":    theChat,
	"AddMemberInput.userId":    func(to target) any { return to.viewer + " " },
	"AddMemberInput.invite":    func(target) any { return true },
	"RemoveMemberInput.chatId": theChat,
	"RemoveMemberInput.userId": text(member),
	"LeaveChatInput.chatId":    theChat,

	"MarkReadInput.chatId":              theChat,
	"MarkReadInput.seq":                 number(1000),
	"UpdateViewerStateInput.chatId":     theChat,
	"UpdateViewerStateInput.mutedUntil": text("2030-01-01T00:00:00Z"),
	"UpdateViewerStateInput.pinned":     func(target) any { return true },
	"UpdateViewerStateInput.archived":   absent,

	"PutModuleInput.moduleId": text("of-the-clerk"), "PutModuleInput.title": text("A module"), "PutModuleInput.content": text("text"),
	"DeleteModuleInput.moduleId": text("of-the-clerk"),
	"UpsertUserInput.userId":     text(member), "UpsertUserInput.name": text("Another"), "UpsertUserInput.avatarUrl": absent,

	"SetTypingInput.chatId": theChat,
	"SetTypingInput.typing": func(target) any { return true },

	"Subscription.chatEvents(chatId)": theChat,
	"Subscription.chatEvents(after)":  func(to target) any { return db.Cursor{ChatID: to.chat, Epoch: 1}.String() }, // the log from its beginning
}

func theChat(to target) any         { return to.chat }
func theMessage(to target) any      { return to.message }
func absent(target) any             { return leftOut }
func number(n int) func(target) any { return func(target) any { return n } }
func text(s string) func(target) any {
	return func(target) any { return s }
}

func orLeftOut(s string) string {
	if s == "" {
		return leftOut
	}
	return s
}

// operation is one that was made out of the schema.
type operation struct {
	name     string
	root     string // "Mutation.renameChat"
	on       string // the type one field of which is asked for; "" for a selection of all there is
	kind     ast.Operation
	document string
	vars     vars
}

// operations are: every root field with all that can be selected below it, and every field of Chat, Message and Member alone,
// by each query that leads to it.
func operations(t *testing.T, to target) []operation {
	t.Helper()
	ops, unknown := generate(generated.NewExecutableSchema(generated.Config{}).Schema(), to)
	for _, place := range slices.Compact(unknown) {
		t.Errorf("the schema has gained %s: add to values what to reach with it for in somebody else's chat", place)
	}
	return ops
}

// generate also returns the arguments and input fields for which no value is known.
func generate(schema *ast.Schema, to target) (ops []operation, unknown []string) {
	for _, root := range []struct {
		kind ast.Operation
		def  *ast.Definition
	}{{ast.Query, schema.Query}, {ast.Mutation, schema.Mutation}, {ast.Subscription, schema.Subscription}} {
		for _, field := range root.def.Fields {
			if strings.HasPrefix(field.Name, "__") {
				continue
			}
			one := func(on, alone string) {
				w := writer{schema: schema, to: to, kind: root.kind, vars: vars{}, on: on, alone: alone, whole: map[string]bool{}}
				ops = append(ops, w.operation(root.def, field))
				unknown = append(unknown, w.unknown...)
			}
			one("", "")
			if root.kind != ast.Query {
				continue
			}
			for _, on := range []string{"Chat", "Message", "Member"} {
				for _, alone := range schema.Types[on].Fields {
					if !strings.HasPrefix(alone.Name, "__") {
						one(on, alone.Name)
					}
				}
			}
		}
	}
	return ops, unknown
}

// writer writes one operation.
type writer struct {
	schema    *ast.Schema
	to        target
	kind      ast.Operation
	on, alone string // of this type this field alone; "" for all
	declared  []string
	vars      vars
	unknown   []string
	whole     map[string]bool // types of which everything was asked for already
}

func (w *writer) operation(root *ast.Definition, field *ast.FieldDefinition) operation {
	body := w.field(root, field, nil)
	head := string(w.kind)
	if len(w.declared) > 0 {
		head += "(" + strings.Join(w.declared, ", ") + ")"
	}
	name := root.Name + "." + field.Name
	op := operation{name: name, root: name, on: w.on, kind: w.kind, document: head + " { " + body + " }", vars: w.vars}
	if w.on != "" {
		op.name += " -> " + w.on + "." + w.alone
	}
	return op
}

func (w *writer) field(of *ast.Definition, field *ast.FieldDefinition, path []string) string {
	name := field.Name
	if name == "role" { // of a member and of a message: two enums
		name = "roleOf" + of.Name + ": role"
	}
	return name + w.arguments(of, field) + w.selection(w.schema.Types[field.Type.Name()], path)
}

// arguments gives each argument as a variable of the argument's own type.
func (w *writer) arguments(of *ast.Definition, field *ast.FieldDefinition) string {
	var given []string
	for _, argument := range field.Arguments {
		value := w.value(fmt.Sprintf("%s.%s(%s)", of.Name, field.Name, argument.Name), argument.Type)
		if value == leftOut {
			continue
		}
		name := fmt.Sprintf("v%d", len(w.declared))
		w.declared = append(w.declared, "$"+name+": "+argument.Type.String())
		w.vars[name] = value
		given = append(given, argument.Name+": $"+name)
	}
	if given == nil {
		return ""
	}
	return "(" + strings.Join(given, ", ") + ")"
}

func (w *writer) value(place string, kind *ast.Type) any {
	if def := w.schema.Types[kind.Name()]; def.Kind == ast.InputObject {
		object := map[string]any{}
		for _, field := range def.Fields {
			if value := w.value(def.Name+"."+field.Name, field.Type); value != leftOut {
				object[field.Name] = value
			}
		}
		return object
	}
	value, ok := values[place]
	if !ok {
		w.unknown = append(w.unknown, place)
		return leftOut
	}
	return value(w.to)
}

// selection is all fields below a type, but no type within itself; and of a type that was selected as a whole elsewhere in the
// operation, only what has no fields of its own: a document may have 500 fields.
func (w *writer) selection(def *ast.Definition, path []string) string {
	switch def.Kind {
	case ast.Scalar, ast.Enum:
		return ""
	}
	parts := []string{"__typename"}
	if def.IsAbstractType() {
		for _, possible := range w.schema.GetPossibleTypes(def) {
			if possible.Kind == ast.Object {
				parts = append(parts, "... on "+possible.Name+w.selection(possible, path))
			}
		}
		return " { " + strings.Join(parts, " ") + " }"
	}
	path = append(path[:len(path):len(path)], def.Name)
	again := w.on == "" && w.whole[def.Name]
	w.whole[def.Name] = true
	for _, field := range def.Fields {
		if strings.HasPrefix(field.Name, "__") || slices.Contains(path, field.Type.Name()) || w.skips(def, field) {
			continue
		}
		if again && w.schema.Types[field.Type.Name()].IsCompositeType() {
			continue
		}
		parts = append(parts, w.field(def, field, path))
	}
	return " { " + strings.Join(parts, " ") + " }"
}

// skips leaves out what is not on the way to the one field that is asked for.
func (w *writer) skips(def *ast.Definition, field *ast.FieldDefinition) bool {
	switch {
	case w.on == "":
		return false
	case def.Name == w.on:
		return field.Name != w.alone
	case def.Name == "Chat":
		return !slices.Contains([]string{"messages", "lastMessage", "members"}, field.Name)
	case def.Name == "Message":
		return field.Name != "chat"
	}
	return false
}
