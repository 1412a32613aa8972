// Package model holds the few Go types of the schema that do not belong to the domain: those that gqlgen writes (models.go:
// connections, inputs, payloads), the events as GraphQL sees them, and the scalars.
package model

import (
	"io"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"studychat/db"
)

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
	return time.Time{}, &db.Error{Code: db.CodeBadUserInput, Message: "A DateTime is an RFC 3339 text."}
}
