package transport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"studychat/graph/limits"
	"studychat/transport/admission"
	"studychat/transport/lazy"
	"studychat/transport/params"
)

const (
	// MaxBody is the largest body and the largest message in bytes. It lets through what the schema promises, as careful
	// encoders write it: a character outside of the basic plane takes 14 bytes, \\ud83d\\ude00, if the document escapes it
	// and then JSON escapes the document.
	MaxBody = limits.LongestText*14 + smallBody

	smallBody      = params.MaxBesideTexts // a body up to this size is not counted; one without a long text needs a tenth
	largeTimeout   = 30 * time.Second      // for a large one to arrive
	retryLargeBody = time.Second           // until one may fit
)

var (
	// errBusy refuses a large body; it may pass a moment later.
	errBusy = errors.New("too many large requests are under way")

	// errLateBody may be the fault of the network, or of this process when it was frozen: the client may try again.
	errLateBody = errors.New("the body did not arrive in time")

	errTooLarge = &params.Error{Status: http.StatusRequestEntityTooLarge, Message: fmt.Sprintf("The body must have at most %d bytes.", MaxBody)}
)

// buffers are for small bodies and for answers.
var buffers lazy.Pool

// incoming is a request that was read. release must be called when it has run or was refused; further calls do nothing.
type incoming struct {
	*graphql.RawParams

	large   bool
	release func()
}

func small(p *graphql.RawParams) *incoming { return &incoming{p, false, nothing} }

// readParams reads the whole body within its bounds.
func (t *Transport) readParams(w http.ResponseWriter, r *http.Request) (*incoming, error) {
	if !isJSON(r.Header.Get("Content-Type")) {
		return nil, &params.Error{Status: http.StatusUnsupportedMediaType, Message: "The body must be application/json, in UTF-8."}
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, &params.Error{Status: http.StatusUnsupportedMediaType, Message: "The body must not be compressed."}
	}
	body, release, err := t.readBody(w, r)
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, errTooLarge
	}
	switch {
	case errors.Is(err, errBusy):
		return nil, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, errLateBody
	case err != nil:
		return nil, &params.Error{Status: http.StatusBadRequest, Message: "The body did not arrive."}
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // a stream may follow
	read, err := params.FromBody(body)                             // copies what it needs
	if err != nil {
		release()
		return nil, err
	}
	in := &incoming{read, len(body) > smallBody, release}
	if !in.large {
		in.release()
		in.release = nothing
	}
	return in, nil
}

func nothing() {}

// isJSON says whether a content type is JSON in UTF-8.
func isJSON(contentType string) bool {
	if contentType == mediaJSON {
		return true
	}
	media, parameters, err := mime.ParseMediaType(contentType)
	charset := parameters["charset"]
	return err == nil && media == mediaJSON && (charset == "" || strings.EqualFold(charset, "utf-8"))
}

// readBody reads a whole body within the bounds. The body may be used until release is called.
func (t *Transport) readBody(w http.ResponseWriter, r *http.Request) (body []byte, release func(), err error) {
	if r.ContentLength >= 0 && r.ContentLength <= lazy.MaxPooled {
		buffer := buffers.Get()
		buffer.Bytes = slices.Grow(buffer.Bytes[:0], int(r.ContentLength))[:r.ContentLength]
		_, err = io.ReadFull(r.Body, buffer.Bytes)
		return buffer.Bytes, func() { buffers.Put(buffer) }, err
	}
	release = nothing
	bounded := http.MaxBytesReader(w, r.Body, MaxBody)
	body, err = io.ReadAll(io.LimitReader(bounded, smallBody+1))
	if err == nil && len(body) > smallBody {
		size := MaxBody
		if r.ContentLength > 0 && r.ContentLength < MaxBody {
			size = int(r.ContentLength)
		}
		var ok bool
		if release, ok = t.quotas.largeBody(r.Context(), size); !ok {
			t.warnings.Refused(admission.BodiesRefused, r)
			return nil, nil, errBusy
		}
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(largeTimeout))
		body, err = readRest(bounded, body, size, func() {})
	}
	if err != nil {
		release()
		return nil, nil, err
	}
	return body, release, nil
}

// readRest reads on after begin, and calls heard after each part.
func readRest(from io.Reader, begin []byte, size int, heard func()) ([]byte, error) {
	var all bytes.Buffer
	all.Grow(size + bytes.MinRead) // once: growing step by step would leave as much garbage
	all.Write(begin)
	for {
		n, err := io.CopyN(&all, from, smallBody)
		if n > 0 {
			heard()
		}
		if errors.Is(err, io.EOF) {
			return all.Bytes(), nil
		}
		if err != nil {
			return nil, err
		}
	}
}
