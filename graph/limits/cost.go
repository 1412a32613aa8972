package limits

import (
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"studychat/db"
)

// MaxCost is the budget of an answer. A field costs 1, or what fieldCost says. A field of an object in a list counts once for
// each element, and lists are counted as full: by `first` or `last`, else by the size of a usual page. Fields that @skip and
// @include leave out count too.
//
// 20 chats with 50 messages each, with all fields of both and the names of users, cost 60,000.
const MaxCost = 70_000

// fieldCost is for fields that cost more than the usual few hundred nanoseconds. A test names those that are missing.
var fieldCost = map[string]int{
	// A read of its own: 50 of them fit into a document. (Query.nodes: for each id.)
	"Query.viewer": 1, "Query.chats": 1000, "Query.chat": 1000, "Query.node": 1000, "Query.nodes": 100, "Subscription.chatEvents": 1000,
	"Query.modules": 1000, "Query.module": 1000, "Module.chats": 1000, "ChatConnection.totalCount": 1000,
	"Query.__schema": 1000, "Query.__type": 1000,
	// Read for a whole list, or a whole answer, at once.
	"Chat.messages": 50, "Chat.online": 50, "Chat.viewerState": 50, "Chat.module": 2,
	"Message.chat": 2, "Message.replyTo": 2, "Member.readSeq": 2, "User.name": 1, "User.avatarUrl": 1,
	"SendMessagePayload.chatEdge": 500,
	// One event has one type, but a document has a selection for each: all of them are counted.
	"StreamStarted.online": 500, "StreamStarted.readMarks": 500, "MessagesRead.unreadCount": 500,
	"ChatCreated.chat": 200, "ChatRenamed.chat": 200, "ChatDeleted.chat": 200, "ChatTransferred.chat": 200,
	"MessageSent.chat": 200, "MessageEdited.chat": 200, "MessageDeleted.chat": 200, "MemberAdded.chat": 200, "MemberRemoved.chat": 200,
	"MessagesRead.chat": 200, "TypingChanged.chat": 200, "PresenceChanged.chat": 200, "DurableChatEvent.chat": 200,
	"ChatCreated.chatEdge": 200, "MessageSent.chatEdge": 200, "MemberAdded.chatEdge": 200,
	// Up to 800 KB of text, read one by one.
	"Module.content": 200,
	// Up to 64 KB of text. MaxAnswerBytes bounds the text of the whole answer.
	"Message.content": 20,
}

// contentCopy is for each further alias of a message's content in one selection, which no honest client needs.
const contentCopy = 400

// mutationCost is for each root field of a mutation: a transaction and two reads.
const mutationCost = 1000

// usualPage is the size of pages without `first` and `last`.
var usualPage = map[string]int{
	"Query.chats": db.ChatPage, "Query.modules": db.ChatPage, "Module.chats": db.ChatPage, "Chat.messages": db.MessagePage,
}

// listSize is how many elements lists without pages usually have; lists that are not named here count as 10. The sizes for
// introspection are the means of our schema, rounded up.
var listSize = map[string]int{
	"__Schema.types": 85, "__Schema.directives": 8, "__Directive.args": 1, "__Directive.locations": 4,
	"__Type.fields": 5, "__Field.args": 1, "__Type.inputFields": 1, "__Type.interfaces": 1, "__Type.enumValues": 2, "__Type.possibleTypes": 1,
}

const otherList = 10

// MaxNodes bounds how many objects one `nodes` asks for.
const MaxNodes = 100

// scope is the place of a selection set in the document; a fragment has the scope in which it is spread.
type scope struct {
	page    int    // the size of the page whose edges these are
	content string // the first name of a message's content here
}

// cost is the cost of a selection set, once.
func cost(set ast.SelectionSet, in *scope, variables map[string]any) (n int) {
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			inner := cost(s.SelectionSet, &scope{page: pageSize(s, variables)}, variables)
			n += elements(s, in.page, variables) * (ownCost(s, in) + inner)
		case *ast.InlineFragment:
			n += cost(s.SelectionSet, in, variables)
		case *ast.FragmentSpread:
			if s.Definition != nil {
				n += cost(s.Definition.SelectionSet, in, variables)
			}
		}
		n = min(saturated, n)
	}
	return n
}

// key is the name of a field in the tables above.
func key(field *ast.Field) string { return field.ObjectDefinition.Name + "." + field.Name }

func ownCost(field *ast.Field, in *scope) int {
	if key(field) == "Message.content" {
		if in.content == "" {
			in.content = field.Alias
		}
		if in.content != field.Alias {
			return contentCopy
		}
	}
	if own, ok := fieldCost[key(field)]; ok {
		return own
	}
	if field.ObjectDefinition.Name == "Mutation" && field.Name != "__typename" {
		return mutationCost
	}
	return 1
}

// elements is how many values a field has at most: 1 unless it is a list.
func elements(field *ast.Field, page int, variables map[string]any) int {
	if field.Definition.Type.Elem == nil {
		return 1
	}
	if strings.HasSuffix(field.ObjectDefinition.Name, "Connection") { // edges, nodes
		return page
	}
	if ids := field.Arguments.ForName("ids"); ids != nil {
		if value, err := ids.Value.Value(variables); err == nil {
			list, _ := value.([]any)
			return min(max(len(list), 1), MaxNodes) // more are refused by the field
		}
	}
	if n, ok := listSize[key(field)]; ok {
		return n
	}
	return otherList
}

// pageSize is the size of a field's page, or 0 if it has none.
func pageSize(field *ast.Field, variables map[string]any) int {
	size, paged := usualPage[key(field)]
	if !paged {
		return 0
	}
	for _, name := range []string{"first", "last"} {
		argument := field.Arguments.ForName(name)
		if argument == nil {
			continue
		}
		value, err := argument.Value.Value(variables)
		if n, ok := asInt(value); err == nil && ok {
			size = min(max(n, 0), db.MaxPage) // larger ones are refused by the field, which names the argument
		}
	}
	return size
}

func asInt(value any) (int, bool) {
	var n int
	_, err := fmt.Sscan(fmt.Sprint(value), &n)
	return n, err == nil
}
