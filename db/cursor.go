package db

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Cursor is a place in a chat's log: the epoch (the history that is counted in) and the number of an event.
// Clients see "1.<epoch>.<seq>" and treat it as opaque; the leading 1 is the format's version.
type Cursor struct {
	Epoch int64
	Seq   int64
}

// String is the form that clients see.
func (c Cursor) String() string { return fmt.Sprintf("1.%d.%d", c.Epoch, c.Seq) }

// ParseCursor reads what String wrote. Errors: BAD_USER_INPUT naming field.
func ParseCursor(field, s string) (Cursor, error) {
	epoch, rest, err := splitCursor(s)
	if err != nil {
		return Cursor{}, BadInput(field, "is not a cursor of a chat's events.")
	}
	seq, err := parseCount(rest)
	if err != nil {
		return Cursor{}, BadInput(field, "is not a cursor of a chat's events.")
	}
	return Cursor{Epoch: epoch, Seq: seq}, nil
}

// FeedCursor is a place in the feed of all of a user's chats: a time before which everything was delivered.
// Clients see "1.<epoch>.t<microseconds>".
type FeedCursor struct {
	Epoch int64
	At    time.Time
}

// String is the form that clients see.
func (c FeedCursor) String() string { return fmt.Sprintf("1.%d.t%d", c.Epoch, c.At.UnixMicro()) }

// ParseFeedCursor reads what String wrote. Errors: BAD_USER_INPUT naming field.
func ParseFeedCursor(field, s string) (FeedCursor, error) {
	epoch, rest, err := splitCursor(s)
	if err != nil || !strings.HasPrefix(rest, "t") {
		return FeedCursor{}, BadInput(field, "is not a cursor of the feed.")
	}
	micros, err := parseCount(rest[1:])
	if err != nil {
		return FeedCursor{}, BadInput(field, "is not a cursor of the feed.")
	}
	return FeedCursor{Epoch: epoch, At: time.UnixMicro(micros).UTC()}, nil
}

func splitCursor(s string) (epoch int64, rest string, err error) {
	s, ok := strings.CutPrefix(s, "1.")
	if !ok {
		return 0, "", strconv.ErrSyntax
	}
	first, rest, ok := strings.Cut(s, ".")
	if !ok {
		return 0, "", strconv.ErrSyntax
	}
	epoch, err = parseCount(first)
	return epoch, rest, err
}

// parseCount reads a plain decimal number: no sign, no leading zero, so that a cursor has one spelling.
func parseCount(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != s || n < 0 {
		return 0, strconv.ErrSyntax
	}
	return n, nil
}
