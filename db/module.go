package db

import (
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// Module is a study module: a text that chats belong to. A Repository returns it without Content, which may be large: see
// ModuleContents.
type Module struct {
	bun.BaseModel `bun:"table:modules,alias:mo"`

	ID        string    `bun:"id,pk"`
	Title     string    `bun:"title"`
	Content   string    `bun:"content"`
	UpdatedAt time.Time `bun:"updated_at"`
}

// IsNode marks Module as a GraphQL Node.
func (*Module) IsNode() {}

// ModuleList is a page of all modules, by (Title, ID).
type ModuleList struct {
	Modules []*Module
	HasNext bool
	HasPrev bool
}

// ParseModuleID parses the id of a module, which its writer has chosen. It is not a UUID and has no colon, so that it cannot be the id of
// another object. Errors: BAD_USER_INPUT naming field.
func ParseModuleID(field, id string) (string, error) {
	id, err := CleanName(field, id)
	switch {
	case err != nil:
		return "", err
	case strings.Contains(id, ":"):
		return "", BadInput(field, "must not contain a colon.")
	case len(id) == 36 && uuid.Validate(id) == nil:
		return "", BadInput(field, "must not be a UUID.")
	}
	return id, nil
}
