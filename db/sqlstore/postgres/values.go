package postgres

import (
	"strconv"
	"time"
)

// The values of Rows, which are text.

// Number reads a whole number.
func Number(value []byte) (int64, error) { return strconv.ParseInt(string(value), 10, 64) }

// OptionalText reads a text or NULL.
func OptionalText(value []byte) *string {
	if value == nil {
		return nil
	}
	return new(string(value))
}

// Time reads a time with its zone. The session's form of times is ISO (sessionSettings), and its zone UTC, unless a pooler ignored that.
func Time(value []byte) (time.Time, error) {
	t, err := time.Parse("2006-01-02 15:04:05.999999-07", string(value))
	if err != nil {
		t, err = time.Parse("2006-01-02 15:04:05.999999-07:00", string(value))
	}
	return t.UTC(), err
}

// OptionalTime reads a time or NULL.
func OptionalTime(value []byte) (*time.Time, error) {
	if value == nil {
		return nil, nil
	}
	t, err := Time(value)
	return &t, err
}
