package params

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	// MaxBesideTexts bounds, in bytes, what JSON may hold besides its texts: a megabyte of small values takes fifty in memory.
	MaxBesideTexts = 128 << 10

	// maxDepth bounds the nesting; the deepest input of the schema has three levels.
	maxDepth = 64
)

var (
	errTooMuch   = &Error{http.StatusRequestEntityTooLarge, fmt.Sprintf("The JSON must have at most %d bytes besides the texts in it.", MaxBesideTexts)}
	errDuplicate = &Error{http.StatusBadRequest, "The JSON has a key twice in one object."}
	errTooDeep   = &Error{http.StatusBadRequest, "The JSON is nested deeper than 64 levels."}
	errBatch     = &Error{http.StatusBadRequest, "One operation per request: lists of operations are not taken."}
)

// check refuses what is neither one JSON object nor null, what has a name twice in an object (RFC 8259, 4), and what is above
// the limits.
func check(text []byte) error {
	tokens := jsontext.NewDecoder(bytes.NewBuffer(text)) // a Buffer is not copied
	switch tokens.PeekKind() {
	case '{', 'n':
	case '[':
		return errBatch
	default:
		return NoObject
	}
	inTexts := 0 // bytes
	for whole := false; !whole; whole = tokens.StackDepth() == 0 {
		n, err := readToken(tokens)
		inTexts += n
		switch {
		case errors.Is(err, jsontext.ErrDuplicateName):
			return errDuplicate
		case err != nil:
			return NoObject
		case tokens.StackDepth() > maxDepth:
			return errTooDeep
		case int(tokens.InputOffset())-inTexts > MaxBesideTexts:
			return errTooMuch
		}
	}
	if len(text)-inTexts > MaxBesideTexts {
		return errTooMuch
	}
	if _, err := tokens.ReadToken(); !errors.Is(err, io.EOF) {
		return NoObject
	}
	return nil
}

// readToken returns how many bytes of text the token holds.
func readToken(tokens *jsontext.Decoder) (inText int, err error) {
	if tokens.PeekKind() != '"' {
		_, err = tokens.ReadToken()
		return 0, err
	}
	text, err := tokens.ReadValue()
	return max(0, len(text)-len(`""`)), err
}
