package redisconn

import (
	"testing"

	"log/slog"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	redis.SetLogger(NewLog(slog.New(slog.DiscardHandler)))
	goleak.VerifyTestMain(m)
}
