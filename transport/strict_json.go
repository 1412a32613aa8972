package transport

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// maxJSONDepth bounds the nesting of a body; the deepest input of the schema has three levels.
const maxJSONDepth = 64

// checkJSON refuses what two readers of the same JSON may understand differently (RFC 8259, 4: names should be unique),
// what is nested too deep, what has more than its texts that is long (the values of a megabyte take fifty in memory), and
// what is neither an object nor null, which is as good as nothing.
//
// It walks over bytes that are known to be JSON. Asking json.Decoder for one token after the other is shorter, and took
// 10 ms of CPU for a body within the limits.
func checkJSON(body []byte) error {
	text := bytes.TrimLeft(body, " \t\r\n")
	switch {
	case len(text) > 0 && text[0] == '[':
		return errBatch
	case !json.Valid(text) || text[0] != '{' && text[0] != 'n':
		return errNoObject
	}
	var open []map[string]bool // what is open here: the keys of an object so far, nil for a list
	isKey := false             // the next text is a key
	inTexts := 0               // bytes
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{':
			open, isKey = append(open, map[string]bool{}), true
		case '[':
			open, isKey = append(open, nil), false
		case '}', ']':
			open = open[:len(open)-1]
		case ',':
			isKey = open[len(open)-1] != nil
		case ':':
			isKey = false
		case '"':
			end := endOfText(text, i)
			if isKey && !add(open[len(open)-1], text[i:end]) {
				return errDuplicate
			}
			inTexts += end - i - 2
			i = end - 1
		}
		switch {
		case len(open) > maxJSONDepth:
			return errTooDeep
		case i-inTexts >= smallBody:
			return errTooMuch
		}
	}
	return nil
}

// endOfText is where a text ends that begins at start: after its closing quote.
func endOfText(text []byte, start int) int {
	for i := start + 1; ; i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// add remembers a key, as it is without JSON's escapes; false if it was there.
func add(keys map[string]bool, quoted []byte) bool {
	key := string(quoted[1 : len(quoted)-1])
	if bytes.IndexByte(quoted, '\\') >= 0 || !utf8.Valid(quoted) {
		_ = json.Unmarshal(quoted, &key) // valid, as the whole is
	}
	if keys[key] {
		return false
	}
	keys[key] = true
	return true
}
