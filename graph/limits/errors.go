package limits

import (
	"fmt"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

const codeTooComplex = "QUERY_TOO_COMPLEX"

func init() {
	errcode.RegisterErrorType(codeTooComplex, errcode.KindProtocol)
}

// invalid is a validation error.
func invalid(message string) *gqlerror.Error { return withCode(errcode.ValidationFailed, message) }

func withCode(code, message string) *gqlerror.Error {
	err := gqlerror.Errorf("%s", message)
	errcode.Set(err, code)
	return err
}

// TooComplex refuses a document that has more than the limit of something. It is nil within the limit.
func TooComplex(what string, limit, value int) *gqlerror.Error {
	if value <= limit {
		return nil
	}
	return refusal(fmt.Sprintf("The document has too many %s: %d, of at most %d.", what, value, limit), limit, value)
}

func refusal(message string, limit, value int) *gqlerror.Error {
	return &gqlerror.Error{Message: message, Extensions: map[string]any{"code": codeTooComplex, "limit": limit, "value": value}}
}

// count is one thing that is limited.
type count struct {
	what         string
	limit, value int
}

func checkCounts(counts []count) *gqlerror.Error {
	for _, c := range counts {
		if err := TooComplex(c.what, c.limit, c.value); err != nil {
			return err
		}
	}
	return nil
}

// What GraphQL's own messages and paths may quote of the document and the variables, in bytes.
const (
	MaxMessage  = 400
	maxPathName = 100
)

// Shorten cuts a text after limit bytes, and marks the cut.
func Shorten(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…"
}

// ShortenPath is path with its names shortened.
func ShortenPath(path ast.Path) ast.Path {
	short := slices.Clone(path)
	for i, element := range short {
		if name, ok := element.(ast.PathName); ok {
			short[i] = ast.PathName(Shorten(string(name), maxPathName))
		}
	}
	return short
}
