package services

import (
	"fmt"
	"net"
	"testing"
)

// TestPortStaysOurs listens and stops, twice. A server must find its port free again, and a connection meanwhile must
// be refused.
func TestPortStaysOurs(t *testing.T) {
	t.Parallel()
	address := fmt.Sprintf("127.0.0.1:%d", Port(t))
	for range 2 {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if err := listener.Close(); err != nil {
			t.Fatal(err)
		}
		if conn, err := net.Dial("tcp", address); err == nil {
			_ = conn.Close()
			t.Fatal("the port answers while the server is down")
		}
	}
}
