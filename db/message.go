package db

import (
	"time"

	"github.com/uptrace/bun"
)

// MessageRole says on whose behalf a message was written.
type MessageRole string

// The roles of messages.
const (
	RoleUser      MessageRole = "USER"
	RoleAssistant MessageRole = "ASSISTANT"
	RoleSystem    MessageRole = "SYSTEM"
)

// Message is a message of a chat, for SQL and for GraphQL alike.
type Message struct {
	bun.BaseModel `bun:"table:messages,alias:m" json:"-"`

	ID        string      `bun:"id,pk" json:"id"`
	ChatID    string      `bun:"chat_id" json:"chatId"`
	Seq       int64       `bun:"seq" json:"seq"` // its number in the chat's log; a message is its own MessageSent event
	Author    string      `bun:"author_id" json:"author"`
	Role      MessageRole `bun:"role" json:"role"`
	Content   string      `bun:"content" json:"content"`            // empty once deleted
	ReplyTo   *string     `bun:"reply_to" json:"replyTo,omitempty"` // the message of the same chat that this one replies to
	CreatedAt time.Time   `bun:"created_at" json:"createdAt"`
	EditedAt  *time.Time  `bun:"edited_at" json:"editedAt,omitempty"`
	DeletedAt *time.Time  `bun:"deleted_at" json:"deletedAt,omitempty"`
}

// Sender is the user who sent the message.
func (m *Message) Sender() *User { return &User{ID: m.Author} }

// Redacted returns the message as deleted at the time: without its text. Nothing else removes text from a message.
func (m *Message) Redacted(at time.Time) *Message {
	redacted := *m
	redacted.Content, redacted.DeletedAt = "", &at
	return &redacted
}

// IsNode marks Message as a GraphQL Node.
func (*Message) IsNode() {}

// NewMessage is the input of SendMessage. The ids are canonical and the content is clean: see ParseID, CleanContent.
type NewMessage struct {
	ID      string
	ChatID  string
	Role    MessageRole
	Content string
	ReplyTo *string // a canonical id
}
