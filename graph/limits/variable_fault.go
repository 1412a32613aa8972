package limits

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"studychat/db"
)

// maxBrief is how many bytes of a value or a name a message quotes.
const maxBrief = 40

// VariableFault is why a variable's value does not fit. It is a request error with the code and the field that a resolver
// gives for a bad argument, so that clients handle both in one place.
type VariableFault struct {
	path            ast.Path // "variable", its name, and the path within its value
	message, hidden string   // what follows the name; hidden names nothing of the schema that the client did not send
	missing         bool     // the path ends with a field that the client did not send
	line, column    int      // where the document defines the variable
}

// Present is the fault as GraphQL shows it; hidden leaves out the schema's own names.
func (f *VariableFault) Present(hidden bool) *gqlerror.Error {
	path, message := f.path, f.message
	if hidden {
		message = f.hidden
		if f.missing {
			path = path[:len(path)-1]
		}
	}
	out := &gqlerror.Error{
		Message:    "The variable $" + nameOf(path) + " " + message,
		Path:       ShortenPath(path),
		Extensions: map[string]any{"code": string(db.CodeBadUserInput), "field": fieldOf(path)},
	}
	if f.line > 0 {
		out.Locations = []gqlerror.Location{{Line: f.line, Column: f.column}}
	}
	return out
}

// nameOf is a path for people: input.title.
func nameOf(path ast.Path) string {
	short := make(ast.Path, 0, len(path))
	for _, step := range path[1:] {
		if name, ok := step.(ast.PathName); ok {
			step = ast.PathName(Shorten(string(name), maxBrief))
		}
		short = append(short, step)
	}
	return short.String()
}

// fieldOf is the last name of a path: that of the variable, or of a field within it.
func fieldOf(path ast.Path) string {
	for i := len(path) - 1; i > 0; i-- {
		if name, ok := path[i].(ast.PathName); ok {
			return Shorten(string(name), maxBrief)
		}
	}
	return ""
}

// brief is a value for a message, shortened.
func brief(value any) string {
	switch v := value.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case json.Number:
		return Shorten(string(v), maxBrief)
	case string:
		value = Shorten(v, maxBrief)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return "this"
	}
	return Shorten(strings.ToValidUTF8(string(text), ""), 2*maxBrief)
}

// reason is why a scalar refuses a value.
func reason(err error) string {
	if own, ok := errors.AsType[*db.Error](err); ok {
		return own.Message
	}
	return "It is not of its type."
}
