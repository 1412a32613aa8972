package db

import (
	"strings"

	"github.com/google/uuid"
)

// NewID makes an id that sorts by time: a UUIDv7 (RFC 9562).
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// ParseID checks an id of a client and returns its canonical form: any UUID in its 36-character form, in lower case. Code behind the edge
// gets canonical ids only. Errors: BAD_USER_INPUT naming field.
func ParseID(field, id string) (string, error) {
	if len(id) != 36 {
		return "", BadInput(field, "must be a UUID.")
	}
	u, err := uuid.Parse(id)
	if err != nil {
		return "", BadInput(field, "must be a UUID.")
	}
	return u.String(), nil
}

// The prefixes of ids that are not UUIDs. Chats and messages share the UUIDs; a module's id has no colon.
const (
	userNode   = "user:"   // followed by the user
	memberNode = "member:" // followed by the chat, a colon, the user
	stateNode  = "state:"  // likewise
)

// NodeKind is the kind of object that an id of GraphQL names.
type NodeKind int

// The kinds. Only the database knows whether a UUID is a chat or a message.
const (
	NodeUUID NodeKind = iota
	NodeUser
	NodeMember
	NodeState
	NodeModule
)

// NodeRef is a parsed id of GraphQL.
type NodeRef struct {
	Kind NodeKind
	ID   string // NodeUUID: canonical; NodeModule; NodeMember and NodeState: of the chat
	User string // NodeUser, NodeMember, NodeState
}

// ParseNodeID parses the id of any object. Errors: BAD_USER_INPUT naming field.
func ParseNodeID(field, id string) (NodeRef, error) {
	if user, ok := strings.CutPrefix(id, userNode); ok {
		return NodeRef{Kind: NodeUser, User: user}, nil
	}
	for prefix, kind := range map[string]NodeKind{memberNode: NodeMember, stateNode: NodeState} {
		rest, ok := strings.CutPrefix(id, prefix)
		if !ok {
			continue
		}
		chat, user, _ := strings.Cut(rest, ":")
		chat, err := ParseID(field, chat)
		return NodeRef{Kind: kind, ID: chat, User: user}, err
	}
	if canonical, err := ParseID(field, id); err == nil {
		return NodeRef{Kind: NodeUUID, ID: canonical}, nil
	}
	module, err := ParseModuleID(field, id)
	return NodeRef{Kind: NodeModule, ID: module}, err
}
