// Package model holds the few Go types of the schema that are not the domain's own: what gqlgen writes
// (models.go: connections, inputs, payloads), the events as GraphQL sees them, and the scalars.
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
		if t, err := time.Parse(time.RFC3339, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, &db.Error{Code: db.CodeBadUserInput, Message: "A DateTime is an RFC 3339 text."}
}
