package transport

import (
	"compress/gzip"
	"io"
	"net/http"
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
func writeCompressed(w http.ResponseWriter, r *http.Request, code int, body []byte) {
	w.Header().Add("Vary", "Accept-Encoding")
	encoding := ""
	if len(body) >= compressFrom {
		encoding = acceptedEncoding(r.Header.Get("Accept-Encoding"))
	}
	pool := compressors[encoding]
	if pool == nil {
		w.WriteHeader(code)
		_, _ = w.Write(body)
		return
	}
	w.Header().Set("Content-Encoding", encoding)
	w.WriteHeader(code)
	c, _ := pool.Get().(compressor)
	c.Reset(w)
	_, _ = c.Write(body)
	_ = c.Close() // fails when the client is gone
	pool.Put(c)
}

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
