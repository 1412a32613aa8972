package events

import (
	"log/slog"

	"github.com/redis/go-redis/v9"
)

// NewRedisRegistry returns a registry in Redis.
func NewRedisRegistry(client redis.UniversalClient, log *slog.Logger) Registry {
	return NewMemoryRegistry() // until the next commit
}
