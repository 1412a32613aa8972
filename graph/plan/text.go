package plan

import (
	"github.com/vektah/gqlparser/v2/gqlerror"

	"studychat/db"
)

// Answer is what the fields of one answer share.
type Answer interface {
	// Add counts text of the answer. It and Exceeded return an error when there is too much: then the answer is dropped whole.
	Add(bytes int) *gqlerror.Error
	Exceeded() *gqlerror.Error

	// Facts are what the resolvers have testified so far, in answers of plans that keep something: on what their values rest beside
	// the body that they are called for; nil for nothing. The list only grows.
	Facts() []db.Fact
}

// plainText is how many bytes of a text are not counted: ids, cursors, names. limits.MaxCost bounds how many of them there are.
const plainText = 64

// memberBytes is what a member counts in an answer, whatever is selected of it: a chat may have fifty times as many members
// as limits.MaxCost assumes.
const memberBytes = 128

// TextBytes is what the value of a field counts: 0 for most of them.
func TextBytes(value any) (n int) {
	switch v := value.(type) {
	case string:
		n = len(v)
	case *string:
		if v != nil {
			n = len(*v)
		}
	case []string:
		for _, text := range v {
			n += len(text)
		}
	case []*db.Member:
		n = memberBytes * len(v)
	case []*db.User:
		n = memberBytes * len(v)
	}
	if n <= plainText {
		return 0
	}
	return n
}
