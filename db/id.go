package db

import "github.com/google/uuid"

// NewID makes an id that sorts by time: a UUIDv7 (RFC 9562).
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// ParseID checks an id that a client gave and returns its canonical form: any UUID in its 36-character form,
// in lower case. Everything behind the edge sees canonical ids only. Errors: BAD_USER_INPUT naming field.
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
