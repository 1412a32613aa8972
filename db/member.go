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
	// JoinedSeq is the number of the event that made the user a member; 0 when that was before it was kept. It is for the
	// feed alone.
	JoinedSeq int64 `bun:"joined_seq" json:"-"`
	// ReadSeq is private to its user and changes without taking a number of the chat: it is never cached with the chat.
	ReadSeq int64 `bun:"read_seq" json:"-"`
}
