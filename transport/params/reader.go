package params

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

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

	// errSyntax is NoObject for JSON that is broken, perhaps only because a text in it is.
	errSyntax = errors.New("broken JSON")
)

// reader reads one JSON object in one pass, and checks it meanwhile: no name comes twice in an object (RFC 8259, 4), and the limits
// hold. It checks the parts that it skips too.
type reader struct {
	tokens  jsontext.Decoder
	buffer  bytes.Buffer // a Buffer is not copied
	inTexts int          // bytes
	wrong   bool         // a value has another type than its parameter; the errors of JSON come first
}

var readers = sync.Pool{New: func() any { return new(reader) }}

// readWhole lets read take the object or the null that text holds, and returns the checked text. A text that is not valid Unicode
// is repaired first, which costs a second pass, and only then.
func readWhole(text []byte, read func(r *reader, text []byte) error) error {
	err := readOnce(text, read)
	if errors.Is(err, errSyntax) {
		if shown := showBrokenUTF8(text); !bytes.Equal(shown, text) {
			err = readOnce(shown, read)
		}
	}
	if errors.Is(err, errSyntax) {
		return NoObject
	}
	return err
}

func readOnce(text []byte, read func(r *reader, text []byte) error) error {
	r, _ := readers.Get().(*reader)
	defer r.release()
	r.buffer = *bytes.NewBuffer(text)
	r.tokens.Reset(&r.buffer)
	switch r.tokens.PeekKind() {
	case '{', 'n':
	case '[':
		return errBatch
	default:
		return errSyntax
	}
	if err := read(r, text); err != nil {
		return err
	}
	if len(text)-r.inTexts > MaxBesideTexts {
		return errTooMuch
	}
	if _, err := r.tokens.ReadToken(); !errors.Is(err, io.EOF) {
		return errSyntax
	}
	if r.wrong {
		return NoObject
	}
	return nil
}

func (r *reader) release() {
	r.buffer, r.inTexts, r.wrong = bytes.Buffer{}, 0, false
	r.tokens.Reset(&r.buffer) // the body must not be kept in memory
	readers.Put(r)
}

// next reads a token, and returns it as it is written if it is a text or a number.
func (r *reader) next() (raw jsontext.Value, err error) {
	switch r.tokens.PeekKind() {
	case '"':
		raw, err = r.tokens.ReadValue()
		r.inTexts += max(0, len(raw)-len(`""`))
	case '0':
		raw, err = r.tokens.ReadValue()
	default:
		_, err = r.tokens.ReadToken()
	}
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return nil, errDuplicate
	case err != nil:
		return nil, errSyntax
	case r.tokens.StackDepth() > maxDepth:
		return nil, errTooDeep
	case int(r.tokens.InputOffset())-r.inTexts > MaxBesideTexts:
		return nil, errTooMuch
	}
	return raw, nil
}

// object reads an object and calls member with each name; member reads the value. The name is valid until then. null has no
// members.
func (r *reader) object(member func(name []byte) error) error {
	kind := r.tokens.PeekKind()
	if kind != '{' && kind != 'n' {
		r.wrong = true
		return r.skip()
	}
	if _, err := r.next(); err != nil || kind == 'n' {
		return err
	}
	for r.tokens.PeekKind() != '}' {
		raw, err := r.next()
		if err != nil {
			return err
		}
		name, err := unquote(raw)
		if err == nil {
			err = member(name)
		}
		if err != nil {
			return err
		}
	}
	_, err := r.next()
	return err
}

// text reads a text; null is an empty one.
func (r *reader) text() (string, error) {
	switch r.tokens.PeekKind() {
	case '"':
		raw, err := r.next()
		if err != nil {
			return "", err
		}
		text, err := unquote(raw)
		return string(text), err
	case 'n':
	default:
		r.wrong = true
	}
	return "", r.skip()
}

// skip reads a value and checks it.
func (r *reader) skip() error {
	depth := r.tokens.StackDepth()
	for {
		if _, err := r.next(); err != nil {
			return err
		}
		if r.tokens.StackDepth() <= depth {
			return nil
		}
	}
}

// members reads an object whatever it holds; nil for null.
func (r *reader) members() (all map[string]any, err error) {
	if r.tokens.PeekKind() == '{' {
		all = map[string]any{}
	}
	err = r.object(func(name []byte) (err error) {
		key := string(name)
		all[key], err = r.value()
		return err
	})
	return all, err
}

// value reads any value. Numbers stay as they were written: a seq above 2^53 would lose its last digits as a float64.
func (r *reader) value() (any, error) {
	switch kind := r.tokens.PeekKind(); kind {
	case '{':
		return r.members()
	case '[':
		return r.list()
	case '"':
		return r.text()
	case '0':
		raw, err := r.next()
		return json.Number(raw), err
	default:
		_, err := r.next()
		if kind == 'n' {
			return nil, err
		}
		return kind == 't', err
	}
}

func (r *reader) list() (any, error) {
	all := []any{}
	_, err := r.next()
	for err == nil && r.tokens.PeekKind() != ']' {
		var element any
		element, err = r.value()
		all = append(all, element)
	}
	if err != nil {
		return nil, err
	}
	_, err = r.next()
	return all, err
}

// unquote is the text that a JSON string stands for. It may be a part of raw.
func unquote(raw jsontext.Value) ([]byte, error) {
	if bytes.IndexByte(raw, '\\') < 0 && len(raw) >= len(`""`) {
		return raw[1 : len(raw)-1], nil
	}
	text, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return nil, errSyntax
	}
	return text, nil
}
