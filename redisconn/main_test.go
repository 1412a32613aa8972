package redisconn

import (
	"testing"

	"log/slog"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	redis.SetLogger(Log{slog.New(slog.DiscardHandler)})
	goleak.VerifyTestMain(m,
		// The control of EachTry makes go-redis dial by itself once a second; it notices only then that its pool was closed.
		goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}
