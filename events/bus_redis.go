package events

import (
	"log/slog"

	"github.com/redis/go-redis/v9"
)

// RedisOptions tunes the Redis bus. The zero value is right.
type RedisOptions struct {
	Prefix string // of the channels; "sc1" if empty
}

// NewRedisBus returns a bus over Redis Pub/Sub.
func NewRedisBus(client redis.UniversalClient, opts RedisOptions, log *slog.Logger) Bus {
	return NewMemoryBus() // until the next commit
}
