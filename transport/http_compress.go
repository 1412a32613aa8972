package transport

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/andybalholm/brotli"
)

// compressFrom is the size from which compression pays: a smaller answer fits into one packet anyway.
const compressFrom = 1400 // bytes

// brotliLevel costs about what gzip's default does and packs JSON better.
const brotliLevel = 4

// compressor is what gzip and brotli writers have in common.
type compressor interface {
	io.WriteCloser
	Reset(w io.Writer)
}

// Writers are reused: a new gzip writer allocates 800 KB.
var compressors = map[string]*sync.Pool{
	"br":   {New: func() any { return brotli.NewWriterLevel(io.Discard, brotliLevel) }},
	"gzip": {New: func() any { return gzip.NewWriter(io.Discard) }},
}

// writeCompressed writes a whole body, compressed if that pays and the client accepts it. Streams are never compressed, since a
// compressor delays events. Answers never hold tokens, so their length reveals no secret (BREACH).
//
// After an error neither the body nor the compressor's memory may be used again: over HTTP/2 a write fails as soon as the stream
// ends, while the bytes may still be on their way to the socket.
func writeCompressed(w http.ResponseWriter, r *http.Request, code int, body []byte) error {
	encoding := ""
	if len(body) >= compressFrom {
		encoding = encodings.of(r.Header.Get("Accept-Encoding"), acceptedEncoding)
	}
	pool := compressors[encoding]
	if pool == nil {
		if len(body) > bufferedByHTTP {
			w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
		}
		w.WriteHeader(code)
		_, err := w.Write(body) //nolint:gosec // JSON, and no browser guesses another type
		return err
	}
	w.Header().Set("Content-Encoding", encoding)
	w.WriteHeader(code)
	c, _ := pool.Get().(compressor)
	c.Reset(w)
	_, err := c.Write(body)
	if err = errors.Join(err, c.Close()); err == nil {
		pool.Put(c)
	}
	return err
}

// bufferedByHTTP is up to how many bytes net/http finds out the length by itself; longer bodies would be sent in chunks.
const bufferedByHTTP = 2048

// acceptedEncoding is "br", "gzip" or "" (RFC 9110, 12.5.3): the one with the higher q, brotli among equals.
func acceptedEncoding(header string) string {
	best := preferenceFor("br", header)
	if gzip := preferenceFor("gzip", header); gzip.q > best.q {
		best = gzip
	}
	if best.q == 0 {
		return ""
	}
	return best.media
}
