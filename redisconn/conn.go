package redisconn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
)

// Conn is this process's connection to Redis: two clients, and what their users share.
type Conn struct {
	Cache Handle // also for rate limits, which take one connection at most
	Bus   Handle // for Pub/Sub and the registry, which may wait longer

	watcher *watcher
}

// Handle is what a user of Redis gets.
type Handle struct {
	Client redis.UniversalClient
	Names  *Namespace
	Health *Health
}

// Open makes the clients and begins to watch over Redis, which need not answer. The prefix begins all names.
func Open(ctx context.Context, settings Settings, prefix string, log *slog.Logger) *Conn {
	cache, names := settings.CacheClient(), NewNamespace(prefix)
	health := NewHealth(cache, log)
	c := &Conn{
		Cache: Handle{cache, names, health},
		Bus:   Handle{settings.BusClient(), names, health},
	}
	c.watcher = newWatcher(c, log)
	began := time.Now()
	abilities := Abilities(ctx, c.Bus.Client, prefix)
	if err := abilities[0].Err; err != nil {
		log.Warn("Redis connection failed: going on without it until it answers", "address", settings.Describe(), "reason", Reason(err), "error", err)
		health.Report(began, err)
	} else {
		version, _ := Version(ctx, c.Bus.Client) // it may be a secret
		log.Info("Redis connection successful", "address", settings.Describe(), "version", cmp.Or(version, "unknown"))
		logMissing(abilities, log)
	}
	health.Start(context.WithoutCancel(ctx))
	c.watcher.start(context.WithoutCancel(ctx), abilities)
	return c
}

// logMissing has one line per ability that is missing.
func logMissing(abilities []Ability, log *slog.Logger) {
	for _, a := range abilities {
		switch {
		case a.OK:
		case a.Optional:
			log.Info("Redis refuses what only people miss", "ability", a.Name, "lost", a.Lost, "error", a.Err, "grant", a.Grant)
		default:
			log.Warn("Redis does not allow all that is needed", "ability", a.Name, "lost", a.Lost, "error", a.Err, "grant", a.Grant)
		}
	}
}

// Close ends all connections. They must not be used afterwards.
func (c *Conn) Close() error {
	c.watcher.close()
	c.Cache.Health.Stop()
	return errors.Join(c.Cache.Client.Close(), c.Bus.Client.Close())
}

// Log is a logger for redis.SetLogger, which is global and set once: go-redis would write lines to standard error that are
// not JSON. It logs at debug level, because the caller of a command gets the same failure as an error.
type Log struct{ *slog.Logger }

// Printf implements the logger of go-redis.
func (l Log) Printf(ctx context.Context, format string, args ...any) {
	l.DebugContext(ctx, "go-redis: "+fmt.Sprintf(format, args...))
}
