package redisconn

import (
	"context"
	"net"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// EachTry makes a dialer whose every call really dials, for clients that are given to NewGuard.
//
// go-redis stops dialing after as many failures as its pool has places: for up to a second after Redis is back it answers
// with the last error instead. In that second another instance may already fill, and what this one writes is not marked:
// stale reads after a plain restart of Redis. (The storm test has shown it.) So a failed dial is not reported as such; it
// gives a connection that fails at its first use, with the same error.
func EachTry(dial redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return &brokenConn{err: err}, nil //nolint:nilerr // the error comes at the first use
		}
		return conn, nil
	}
}

// brokenConn fails with the error that made it.
type brokenConn struct{ err error }

func (c *brokenConn) Read([]byte) (int, error)         { return 0, c.err }
func (c *brokenConn) Write([]byte) (int, error)        { return 0, c.err }
func (c *brokenConn) Close() error                     { return nil }
func (c *brokenConn) LocalAddr() net.Addr              { return new(net.TCPAddr) }
func (c *brokenConn) RemoteAddr() net.Addr             { return new(net.TCPAddr) }
func (c *brokenConn) SetDeadline(time.Time) error      { return nil }
func (c *brokenConn) SetReadDeadline(time.Time) error  { return nil }
func (c *brokenConn) SetWriteDeadline(time.Time) error { return nil }

// SyscallConn lets the pool's check of idle connections fail. Otherwise the connection of a dial whose caller has given up
// would stay in the pool and fail the first request after Redis is back.
func (c *brokenConn) SyscallConn() (syscall.RawConn, error) { return nil, c.err }

// Prove is for redis.Options.OnConnect of clients that are given to NewGuard: a connection that Redis does not let in must not
// come into the pool.
//
// go-redis takes any error reply to its HELLO for that of an old server. So when Redis begins to ask for a password that this
// program does not have, new connections fill the pool beside the old ones, which still work, and are taken first: the tries
// of one mark all fail while other instances still read. (The torture check cache-requirepass has shown it.) The price is a
// round trip for each new connection.
func Prove(ctx context.Context, conn *redis.Conn) error {
	pipe := conn.Pipeline()
	pipe.ClientSetName(ctx, ClientName)
	ping := pipe.Ping(ctx)
	_, _ = pipe.Exec(ctx) // it may say that the name is refused
	err := ping.Err()
	if redis.HasErrorPrefix(err, "NOPERM") { // admitted, but not allowed to ping
		return nil
	}
	return err
}

// ClientName is what CLIENT LIST calls this program's connections.
const ClientName = "studychat"

// eachTry is a hook that makes every dial of a client a real one, as EachTry says.
type eachTry struct{}

func (eachTry) DialHook(next redis.DialHook) redis.DialHook          { return EachTry(next) }
func (eachTry) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (eachTry) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
