package transport

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
)

// badBody says why a body was refused. It never holds any of the body: gqlgen's own messages do, which is why bodies are
// checked before it sees them.
type badBody struct {
	status  int
	message string
}

// readBody reads the whole body within its bounds and puts it back, checked and with broken UTF-8 made visible.
func readBody(w http.ResponseWriter, r *http.Request) *badBody {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return &badBody{http.StatusUnsupportedMediaType, "The body must be application/json."}
	}
	body, bad := readBounded(w, r)
	if bad != nil {
		return bad
	}
	body = showBrokenUTF8(body)
	var params graphql.RawParams
	if err := json.Unmarshal(body, &params); err != nil {
		return &badBody{http.StatusBadRequest, "The body must be a JSON object with a query and, if needed, variables and operationName."}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

func readBounded(w http.ResponseWriter, r *http.Request) ([]byte, *badBody) {
	deadline := http.NewResponseController(w)
	_ = deadline.SetReadDeadline(time.Now().Add(bodyTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, &badBody{http.StatusRequestEntityTooLarge, "The body must have at most 131072 bytes."}
	}
	if err != nil {
		return nil, &badBody{http.StatusBadRequest, "The body did not arrive."}
	}
	_ = deadline.SetReadDeadline(time.Time{}) // a stream may follow
	return body, nil
}

// showBrokenUTF8 puts an escaped NUL for every byte that is no UTF-8. encoding/json would silently put U+FFFD, and text
// would be stored that nobody wrote; a NUL is refused by the check of whatever field it is in, which names the field.
//
// Half of a surrogate pair, written as an escape, is the same in another dress.
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
			out.WriteString(`\u0000`)
		} else {
			out.Write(body[:size])
		}
		body = body[size:]
	}
	return out.Bytes()
}

func showLoneSurrogates(body []byte) []byte {
	for i := 0; i+1 < len(body); i++ {
		if body[i] != '\\' {
			continue
		}
		switch first, second := escaped(body[i:]), escaped(body[min(i+6, len(body)):]); {
		case !utf16.IsSurrogate(first):
			i++ // over what is escaped: a backslash, perhaps
		case utf16.DecodeRune(first, second) != utf8.RuneError:
			i += 11
		default:
			body = slices.Concat(body[:i], []byte(`\u0000`), body[i+6:])
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

// wantsEvents says whether the client would rather have events than one answer (RFC 9110, 12.5.1). Some clients (urql) name
// both with every request, JSON first, and mean JSON.
func wantsEvents(r *http.Request) bool {
	events, answer := 0.0, 0.0
	for _, part := range strings.Split(strings.Join(r.Header.Values("Accept"), ","), ",") {
		media, parameters, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		q := 1.0
		if text, ok := parameters["q"]; ok {
			if q, err = strconv.ParseFloat(text, 64); err != nil {
				continue
			}
		}
		switch media {
		case "text/event-stream":
			if q > answer { // as good as JSON is not better, unless it is named first
				events = max(events, q)
			}
		case "application/json", "application/graphql-response+json":
			answer = max(answer, q)
		}
	}
	return events > 0 && events >= answer
}
