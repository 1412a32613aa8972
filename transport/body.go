package transport

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
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
func showBrokenUTF8(body []byte) []byte {
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

func wantsEvents(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/event-stream")
}
