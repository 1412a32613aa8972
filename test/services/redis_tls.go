package services

import (
	"net"
	"testing"
)

// RedisTLS is a redis-server that also listens with TLS, and there wants a client certificate of its authority.
type RedisTLS struct {
	*RedisServer

	Authority *FileAuthority
	port      *port
}

// NewRedisTLS starts one. It ends with the test.
func NewRedisTLS(t testing.TB) *RedisTLS {
	t.Helper()
	port, err := holdPort()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(port.release)
	authority := NewFileAuthority(t)
	cert, key := authority.Issue("redis")
	server := NewRedisServer(t, "--tls-port", port.String(), "--tls-cert-file", cert, "--tls-key-file", key,
		"--tls-ca-cert-file", authority.File, "--tls-auth-clients", "yes")
	return &RedisTLS{RedisServer: server, Authority: authority, port: port}
}

// TLSAddr returns host:port of the listener with TLS.
func (r *RedisTLS) TLSAddr() string { return net.JoinHostPort("127.0.0.1", r.port.String()) }
