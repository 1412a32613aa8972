package transport

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// kernelConn remembers how much the kernel may take.
type kernelConn struct {
	net.Conn

	bytes int
}

func (c *kernelConn) SetWriteBuffer(bytes int) error {
	c.bytes = bytes
	return nil
}

// TestKernelIsBounded: with TLS too, where the connection is wrapped; not with HTTP/2, where it is shared.
func TestKernelIsBounded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason string
		secure bool
		major  int
		want   int
	}{
		{"HTTP/1.1", false, 1, sendBuffer},
		{"HTTP/1.1 in TLS", true, 1, sendBuffer},
		{"HTTP/2", false, 2, 0},
	} {
		conn := &kernelConn{}
		var given net.Conn = conn
		if c.secure {
			given = tls.Server(conn, &tls.Config{MinVersion: tls.VersionTLS12})
		}
		r := httptest.NewRequest(http.MethodGet, "/graphql", http.NoBody)
		r.ProtoMajor = c.major
		limitSendBuffer(r.WithContext(context.WithValue(r.Context(), connKey{}, given)))
		if conn.bytes != c.want {
			t.Errorf("%s: %d, want %d", c.reason, conn.bytes, c.want)
		}
	}
}
