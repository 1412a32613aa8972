package transport

import (
	"context"
	"crypto/tls"
	"net/http"

	"studychat/transport/wire"
)

type connKey struct{}

// connOf is the connection of the request that ctx belongs to, or nil.
func connOf(ctx context.Context) any { return belowTLS(ctx.Value(connKey{})) }

func belowTLS(conn any) any {
	if secure, ok := conn.(*tls.Conn); ok {
		return secure.NetConn()
	}
	return conn
}

// sendBuffer is the kernel's send buffer of a stream, in bytes. A client that stopped reading goes unnoticed until it is
// full: at 50 KB/s of events, 64 KB (Linux doubles what is asked for) hid one for 2.5 s. It also bounds the speed of a
// distant client, to 64 KB per round trip.
//
// When a socket closes the buffer may grow, by the rest of a frame and the close frame. The kernel goes on delivering these
// at the client's pace after the socket was closed here.
const (
	sendBuffer    = 32 << 10
	closingBuffer = sendBuffer + wire.OutboxBytes
)

// limitSendBuffer keeps the kernel from buffering megabytes for a client that stopped reading, which would also hide that it
// did. HTTP/2 has a window for each stream.
func limitSendBuffer(r *http.Request) {
	if r.ProtoMajor == 1 {
		setSendBuffer(connOf(r.Context()), sendBuffer)
	}
}

func setSendBuffer(conn any, bytes int) {
	if kernel, ok := belowTLS(conn).(interface{ SetWriteBuffer(bytes int) error }); ok {
		_ = kernel.SetWriteBuffer(bytes)
	}
}

// abort ends a response so that its client sees a failure. In HTTP/1.0, which nginx speaks to its backends by default, a
// response ends in order by closing the connection; there the connection is reset.
func abort(r *http.Request) {
	if kernel, ok := connOf(r.Context()).(interface{ SetLinger(seconds int) error }); ok && !r.ProtoAtLeast(1, 1) {
		_ = kernel.SetLinger(0)
	}
	panic(http.ErrAbortHandler)
}
