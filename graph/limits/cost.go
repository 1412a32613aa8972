package limits

import (
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

// Cost is what an operation costs, as far as its document decides it. What depends on variables is counted for each request.
// It does not change.
type Cost struct {
	fixed int
	terms []term
}

// term is a field whose cost depends on variables.
type term struct {
	elements elements
	own      int
	inner    Cost
}

// Of is the cost with these variables, which are coerced.
func (c Cost) Of(variables map[string]any) int {
	n := c.fixed
	for _, t := range c.terms {
		n = min(saturated, n+t.elements.of(variables)*(t.own+t.inner.Of(variables)))
	}
	return n
}

// add adds a field.
func (c *Cost) add(t term) {
	if t.elements.varies() || len(t.inner.terms) > 0 {
		c.terms = append(c.terms, t)
		return
	}
	c.fixed = min(saturated, c.fixed+t.elements.of(nil)*(t.own+t.inner.fixed))
}

// scope is the place of a selection set in the document; a fragment has the scope in which it is spread.
type scope struct {
	page    elements // the size of the page whose edges these are
	content string   // the first name of a message's content here
}

// CostOf is the cost of a validated operation.
func CostOf(operation *ast.OperationDefinition) (c Cost) {
	c.addSet(operation.SelectionSet, &scope{})
	return c
}

// addSet adds the cost of a selection set, once.
func (c *Cost) addSet(set ast.SelectionSet, in *scope) {
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			t := term{elements: elementsOf(s, in.page)}
			t.inner.addSet(s.SelectionSet, &scope{page: pageOf(s)})
			t.own = ownCost(s, in)
			c.add(t)
		case *ast.InlineFragment:
			c.addSet(s.SelectionSet, in)
		case *ast.FragmentSpread:
			if s.Definition != nil {
				c.addSet(s.Definition.SelectionSet, in)
			}
		}
	}
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
