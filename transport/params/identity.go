package params

import (
	"net/http"
	"strings"
)

// maxRequestID is in bytes.
const maxRequestID = 128

// RequestID is the id that the client gave its request, or "" if there is none to use: one value of 1 to 128 printable characters of ASCII,
// without spaces, so that it can be written into a log and a header.
func RequestID(h http.Header) string {
	values := h["X-Request-Id"]
	if len(values) != 1 || len(values[0]) > maxRequestID {
		return ""
	}
	for i := range len(values[0]) {
		if c := values[0][i]; c <= ' ' || c >= 0x7f {
			return ""
		}
	}
	return values[0]
}

// Where the parts of a traceparent are: 00-TRACE-SPAN-FLAGS.
const (
	traceAt, spanAt, flagsAt = 3, 36, 53
	traceparentLen           = 55
)

// Traceparent is the trace that a request belongs to (W3C Trace Context, 3.2), or "" if none is to be used. Of a later version it is what
// this one has too.
func Traceparent(h http.Header) string {
	values := h["Traceparent"]
	if len(values) != 1 || len(values[0]) < traceparentLen {
		return ""
	}
	t, more := values[0][:traceparentLen], values[0][traceparentLen:]
	version := t[:2]
	switch {
	case t[2] != '-' || t[spanAt-1] != '-' || t[flagsAt-1] != '-', version == "ff", version == "00" && more != "", more != "" && more[0] != '-':
		return ""
	case !isHex(version), !isID(t[traceAt : spanAt-1]), !isID(t[spanAt : flagsAt-1]), !isHex(t[flagsAt:]):
		return ""
	}
	return t
}

// isID says whether a text is hexadecimal, and not all zeros.
func isID(text string) bool { return isHex(text) && strings.Trim(text, "0") != "" }

// isHex knows lower case alone, as the standard does.
func isHex(text string) bool {
	for i := range len(text) {
		if c := text[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
