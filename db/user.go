package db

import (
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// User is somebody who may be a member of chats. Most Users in memory have their ID alone: the edge reads the names for a whole answer at
// once.
type User struct {
	bun.BaseModel `bun:"table:users,alias:u"`

	ID        string  `bun:"id,pk"` // the token's subject
	Name      string  `bun:"name"`
	AvatarURL *string `bun:"avatar_url"`
}

// NodeID is the user's id in GraphQL.
func (u *User) NodeID() string { return userNode + u.ID }

// IsNode marks User as a GraphQL Node.
func (*User) IsNode() {}

// Claims are what a verified token says about its user.
type Claims struct {
	Name      string    // "" when the token has none
	AvatarURL string    // likewise
	At        time.Time // when the token was issued: of two tokens, the later one counts
}

// ParseUserID parses a client's name for a user: `user:` and the subject, or the subject alone, unless that begins with `user:`. Errors: BAD_USER_INPUT naming field.
func ParseUserID(field, id string) (string, error) {
	return CleanName(field, strings.TrimPrefix(id, userNode))
}
