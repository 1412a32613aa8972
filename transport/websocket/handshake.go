package websocket

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // RFC 6455, 1.3: it proves that the server understood the handshake, and protects nothing
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
)

// keySuffix is the GUID of RFC 6455, 1.3.
const keySuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// Verify says what is wrong with a handshake (RFC 6455, 4.2.1), or "". The caller has checked the method and the header Upgrade.
func Verify(r *http.Request) string {
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(r.Header.Get("Sec-WebSocket-Key")))
	switch {
	case !r.ProtoAtLeast(1, 1):
		return "A WebSocket needs HTTP/1.1."
	case r.Header.Get("Sec-WebSocket-Version") != "13":
		return "The version of WebSocket must be 13."
	case err != nil || len(key) != 16 || len(r.Header.Values("Sec-WebSocket-Key")) != 1:
		return "Sec-WebSocket-Key must be 16 bytes in base64."
	}
	return ""
}

// Offers says whether the client offers a subprotocol.
func Offers(r *http.Request, subprotocol string) bool {
	offered := strings.Split(strings.Join(r.Header.Values("Sec-WebSocket-Protocol"), ","), ",")
	return slices.ContainsFunc(offered, func(one string) bool { return strings.EqualFold(strings.TrimSpace(one), subprotocol) })
}

// Response is the answer to a handshake, with the fields of header. subprotocol may be "".
func Response(r *http.Request, header http.Header, subprotocol string) []byte {
	digest := sha1.Sum([]byte(strings.TrimSpace(r.Header.Get("Sec-WebSocket-Key")) + keySuffix)) //nolint:gosec // see above
	header = header.Clone()
	header.Set("Upgrade", "websocket")
	header.Set("Connection", "Upgrade")
	header.Set("Sec-WebSocket-Accept", base64.StdEncoding.EncodeToString(digest[:]))
	if subprotocol != "" {
		header.Set("Sec-WebSocket-Protocol", subprotocol)
	}
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
	_ = header.Write(&b)
	b.WriteString("\r\n")
	return b.Bytes()
}
