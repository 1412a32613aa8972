package postgres

import (
	"strconv"
	"time"
)

// scanQuickly reads the text of a value into a variable of one of the types that most columns have. It is false for other types, which are
// pgx's business, as is a text that it cannot read.
func scanQuickly(value []byte, dest any) bool {
	var err error
	switch into := dest.(type) {
	case *string:
		*into = string(value)
	case **string:
		*into = new(string(value))
	case *int64:
		*into, err = strconv.ParseInt(string(value), 10, 64)
	case *time.Time:
		*into, err = parseTime(value)
	case **time.Time:
		var at time.Time
		at, err = parseTime(value)
		*into = &at
	default:
		return false
	}
	return err == nil
}

// parseTime reads a time with its zone. The session's form of times is ISO (sessionSettings), and its zone UTC, unless a pooler ignored that.
func parseTime(value []byte) (time.Time, error) {
	t, err := time.Parse("2006-01-02 15:04:05.999999-07", string(value))
	if err != nil {
		t, err = time.Parse("2006-01-02 15:04:05.999999-07:00", string(value))
	}
	return t.UTC(), err
}
