package redisconn

import (
	"context"
	"fmt"
	"log/slog"
)

// Log is a logger for redis.SetLogger, which is global and set once: go-redis would write lines to standard error that are
// not JSON. It logs at debug level, because the caller of a command gets the same failure as an error.
type Log struct{ *slog.Logger }

// Printf implements the logger of go-redis.
func (l Log) Printf(ctx context.Context, format string, args ...any) {
	l.DebugContext(ctx, "go-redis: "+fmt.Sprintf(format, args...))
}
