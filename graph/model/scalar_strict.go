package model

import (
	"encoding/json"
	"math"
	"strconv"

	"github.com/99designs/gqlgen/graphql"

	"studychat/db"
)

// The scalars of GraphQL, read as its specification says (3.5, input coercion). gqlgen's own take the number 5 for a
// text and the text "5" for a number: a client with a mistake would store what nobody wrote.
//
// Numbers come as int64 from the document, as json.Number or float64 from variables, depending on who decodes them.

func wrong(message string) error { return &db.Error{Code: db.CodeBadUserInput, Message: message} }

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

// UnmarshalInt64 reads an Int: a whole number of 32 bits.
func UnmarshalInt64(v any) (int64, error) {
	if n, ok := whole(v); ok && n >= math.MinInt32 && n <= math.MaxInt32 {
		return n, nil
	}
	return 0, wrong("An Int is a whole number of at most 32 bits.")
}

// whole is the number that v is, if it is whole and a float64 could not have rounded it.
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
