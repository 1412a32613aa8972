// Package model holds the few Go types of the schema that do not belong to the domain: those that gqlgen writes (models.go:
// connections, inputs, payloads), the events as GraphQL sees them, and the scalars.
package model

import (
	"encoding/json"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"studychat/db"
)

// The scalars of GraphQL, read as its specification says (3.5, input coercion). gqlgen's own accept the number 5 for a text and
// the text "5" for a number, which hides mistakes of clients.
//
// Numbers come as int64 from the document, as json.Number or float64 from variables, depending on who decodes them.

func wrong(message string) error { return &db.Error{Code: db.CodeBadUserInput, Message: message} }

const dateTime = `"2006-01-02T15:04:05.000000Z"`

// MarshalDateTime writes RFC 3339 in UTC with microseconds, always in the same width so that texts sort like times.
func MarshalDateTime(t time.Time) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		_, _ = w.Write(t.UTC().AppendFormat(nil, dateTime))
	})
}

// UnmarshalDateTime reads RFC 3339.
func UnmarshalDateTime(v any) (time.Time, error) {
	if s, ok := v.(string); ok {
		// RFC 3339 has years of four digits, and PostgreSQL has no year 0: also after the time was moved to UTC.
		if t, err := time.Parse(time.RFC3339, s); err == nil && t.UTC().Year() >= 1 && t.UTC().Year() <= 9999 {
			return t.UTC(), nil
		}
	}
	return time.Time{}, wrong("A DateTime is an RFC 3339 text.")
}

// MarshalString writes a String.
func MarshalString(s string) graphql.Marshaler { return graphql.MarshalString(s) }

// UnmarshalString reads a String: a text.
func UnmarshalString(v any) (string, error) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	return "", wrong("A String is a text in quotes.")
}

// MarshalID writes an ID.
func MarshalID(s string) graphql.Marshaler { return graphql.MarshalID(s) }

// UnmarshalID reads an ID: a text or a whole number.
func UnmarshalID(v any) (string, error) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	if n, ok := whole(v); ok {
		return strconv.FormatInt(n, 10), nil
	}
	return "", wrong("An ID is a text in quotes, or a whole number.")
}

// MarshalBoolean writes a Boolean.
func MarshalBoolean(b bool) graphql.Marshaler { return graphql.MarshalBoolean(b) }

// UnmarshalBoolean reads a Boolean: true or false.
func UnmarshalBoolean(v any) (bool, error) {
	if b, ok := v.(bool); ok {
		return b, nil
	}
	return false, wrong("A Boolean is true or false.")
}

// MarshalInt writes an Int.
func MarshalInt(n int) graphql.Marshaler { return graphql.MarshalInt(n) }

// UnmarshalInt reads an Int: a whole number of 32 bits.
func UnmarshalInt(v any) (int, error) {
	n, err := UnmarshalInt64(v)
	return int(n), err
}

// MarshalInt64 writes an Int.
func MarshalInt64(n int64) graphql.Marshaler { return graphql.MarshalInt64(n) }

// UnmarshalInt64 reads an Int: a whole number of 32 bits, however JSON writes it: 2, 2.0 and 2e0 are the same (3.5.1).
func UnmarshalInt64(v any) (int64, error) {
	n, ok := whole(v)
	if number, isNumber := v.(json.Number); isNumber {
		n, ok = wholeNumber(string(number))
	}
	if ok && n >= math.MinInt32 && n <= math.MaxInt32 {
		return n, nil
	}
	return 0, wrong("An Int is a whole number of at most 32 bits.")
}

// whole is the value of v, if it is a whole number that a float64 cannot have rounded.
func whole(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case int:
		return int64(v), true
	case json.Number:
		n, err := strconv.ParseInt(string(v), 10, 64)
		return n, err == nil
	case float64:
		return int64(v), v == math.Trunc(v) && math.Abs(v) < 1<<53
	}
	return 0, false
}

// wholeNumber is the value of a JSON number, if it is whole. It works on the digits: a float64 would round 2.0000000000000001,
// and exact arithmetic would compute 1e999999999.
func wholeNumber(text string) (int64, bool) {
	mantissa, exponent, scale := text, "", 0
	if at := strings.IndexAny(text, "eE"); at >= 0 {
		mantissa, exponent = text[:at], text[at+1:]
	}
	digits, negative := strings.CutPrefix(mantissa, "-")
	before, after, _ := strings.Cut(digits, ".")
	digits = strings.TrimLeft(before+after, "0")
	if digits == "" {
		return 0, true
	}
	if exponent != "" {
		n, err := strconv.Atoi(exponent)
		if err != nil || n > len(text)+maxDigits || n < -len(text) {
			return 0, false
		}
		scale = n
	}
	significant := strings.TrimRight(digits, "0")
	scale += len(digits) - len(significant) - len(after)
	if scale < 0 || len(significant)+scale > maxDigits {
		return 0, false
	}
	n, err := strconv.ParseInt(significant+strings.Repeat("0", scale), 10, 64)
	if negative {
		n = -n
	}
	return n, err == nil
}

// maxDigits is as many as a number of 64 bits may have.
const maxDigits = 19
