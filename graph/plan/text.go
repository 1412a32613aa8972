package plan

import (
	"github.com/vektah/gqlparser/v2/gqlerror"

	"studychat/db"
)

// Budget counts the text of one answer. Its methods return an error when there is too much: then the answer is dropped whole.
type Budget interface {
	Add(bytes int) *gqlerror.Error
	Exceeded() *gqlerror.Error
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
