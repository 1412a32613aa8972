package db

import (
	"time"

	"github.com/uptrace/bun"
)

// MemberRole is what a member may do.
type MemberRole string

// The roles of members.
const (
	RoleOwner  MemberRole = "OWNER"
	RoleMember MemberRole = "MEMBER"
)

// Member is one user's membership in a chat.
type Member struct {
	bun.BaseModel `bun:"table:chat_members,alias:cm" json:"-"`

	ChatID   string     `bun:"chat_id,pk" json:"-"`
	UserID   string     `bun:"user_id,pk" json:"userId"`
	Role     MemberRole `bun:"role" json:"role"`
	JoinedAt time.Time  `bun:"joined_at" json:"joinedAt"`
	// JoinedSeq is the number of the event that made the user a member; 0 for members from before it was kept. Only the feed uses it.
	JoinedSeq int64 `bun:"joined_seq" json:"-"`
	// ReadSeq is private to its user and changes without a number of the chat, so it is never cached with the chat.
	ReadSeq int64 `bun:"read_seq" json:"-"`
}

// NodeID is the membership's id in GraphQL.
func (m *Member) NodeID() string { return memberNode + m.ChatID + ":" + m.UserID }

// User is the member, for GraphQL.
func (m *Member) User() *User { return &User{ID: m.UserID} }

// IsNode marks Member as a GraphQL Node.
func (*Member) IsNode() {}
