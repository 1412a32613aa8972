package params

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// showBrokenUTF8 replaces every byte that is not valid UTF-8, and every escape of half a surrogate pair, by an escaped NUL.
// The check of the field that holds it refuses a NUL, and names the field. A reader of JSON can only refuse the whole request,
// and over a WebSocket the whole message, which ends the socket: a user who cut an emoji in two would lose the connection.
func showBrokenUTF8(body []byte) []byte {
	return showLoneSurrogates(showBrokenBytes(body))
}

func showBrokenBytes(body []byte) []byte {
	if utf8.Valid(body) {
		return body
	}
	var out bytes.Buffer
	for len(body) > 0 {
		r, size := utf8.DecodeRune(body)
		if r == utf8.RuneError && size == 1 {
			if !endsInEscape(out.Bytes()) { // else that backslash begins the escape
				out.WriteByte('\\')
			}
			out.WriteString("u0000")
		} else {
			out.Write(body[:size])
		}
		body = body[size:]
	}
	return out.Bytes()
}

// endsInEscape says whether text ends with a backslash that is not escaped itself.
func endsInEscape(text []byte) bool {
	return (len(text)-len(bytes.TrimRight(text, `\`)))%2 == 1
}

func showLoneSurrogates(body []byte) []byte {
	mine := false // body is a copy, made once: copying for each half took 4 s for a body full of them
	for i := 0; i+1 < len(body); i++ {
		if body[i] != '\\' {
			continue
		}
		switch first, second := escaped(body[i:]), escaped(body[min(i+6, len(body)):]); {
		case !utf16.IsSurrogate(first):
			i++ // over the escaped character, which may be a backslash
		case utf16.DecodeRune(first, second) != utf8.RuneError:
			i += 11
		default:
			if !mine {
				body, mine = bytes.Clone(body), true
			}
			copy(body[i:], `\u0000`)
			i += 5
		}
	}
	return body
}

// escaped is the code unit of the \uXXXX that text begins with, or -1.
func escaped(text []byte) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return -1
	}
	unit, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(unit)
}
