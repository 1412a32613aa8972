package redisconn

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/redis/go-redis/v9"
)

// IsTimeout reports whether a failure was slow: nothing came back, and another try would cost the wait again.
func IsTimeout(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, redis.ErrPoolTimeout) {
		return true
	}
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// IsRefusal reports whether Redis did not let a new connection in: it asks for a password that this program does not have, or has
// as many clients as it allows. (A server that is gone refuses otherwise.) Connections that exist may still work.
func IsRefusal(err error) bool {
	return redis.HasErrorPrefix(err, "NOAUTH") || redis.HasErrorPrefix(err, "WRONGPASS") || redis.IsMaxClientsError(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// isFailure reports whether a call's error says that Redis is not well. Most error replies do, like a cut connection (LOADING,
// READONLY, NOAUTH, CLUSTERDOWN: asking again at once is of no use). Those about one key or one kind of command do not.
func isFailure(err error) bool {
	return err != nil && !errors.Is(err, redis.Nil) &&
		!redis.HasErrorPrefix(err, "WRONGTYPE") && !redis.HasErrorPrefix(err, "OOM") && !redis.HasErrorPrefix(err, "NOSCRIPT")
}
