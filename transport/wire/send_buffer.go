package wire

import (
	"crypto/tls"
	"net"
)

// SendBuffer is the kernel's send buffer of a stream, in bytes. A client that stopped reading goes unnoticed until it is full: at
// 50 KB/s of events, 64 KB (Linux doubles what is asked for) hid one for 2.5 s. It also bounds the speed of a distant client, to
// 64 KB per round trip.
//
// When a socket closes the buffer may grow, by the rest of what is being written and the close frame. The kernel goes on
// delivering these at the client's pace after the socket was closed here.
const (
	SendBuffer    = 32 << 10
	ClosingBuffer = SendBuffer + OutboxBytes
)

// SetSendBuffer keeps the kernel from buffering megabytes for a client that stopped reading, which would also hide that it did.
func SetSendBuffer(conn net.Conn, bytes int) {
	if kernel, ok := belowTLS(conn).(interface{ SetWriteBuffer(bytes int) error }); ok {
		_ = kernel.SetWriteBuffer(bytes)
	}
}

// ResetOnClose makes closing a connection a failure that its client sees. In HTTP/1.0, which nginx speaks to its backends by
// default, a response ends in order by closing.
func ResetOnClose(conn net.Conn) {
	if kernel, ok := belowTLS(conn).(interface{ SetLinger(seconds int) error }); ok {
		_ = kernel.SetLinger(0)
	}
}

func belowTLS(conn net.Conn) net.Conn {
	if secure, ok := conn.(*tls.Conn); ok {
		return secure.NetConn()
	}
	return conn
}
