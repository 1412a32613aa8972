package wire

import (
	"crypto/tls"
	"net"
	"testing"
)

// kernelConn remembers how much the kernel may take, and how it closes.
type kernelConn struct {
	net.Conn

	bytes  int
	resets bool
}

func (c *kernelConn) SetWriteBuffer(bytes int) error {
	c.bytes = bytes
	return nil
}

func (c *kernelConn) SetLinger(seconds int) error {
	c.resets = seconds == 0
	return nil
}

// TestKernelIsBounded: with TLS too, where the connection is wrapped.
func TestKernelIsBounded(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		conn := &kernelConn{}
		var given net.Conn = conn
		if secure {
			given = tls.Server(conn, &tls.Config{MinVersion: tls.VersionTLS12})
		}
		SetSendBuffer(given, SendBuffer)
		ResetOnClose(given)
		if conn.bytes != SendBuffer || !conn.resets {
			t.Errorf("TLS: %t: %+v", secure, conn)
		}
	}
	SetSendBuffer(nil, SendBuffer) // nothing to set
}
