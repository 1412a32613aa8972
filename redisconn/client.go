// Package redisconn is the connection to Redis: its address, its clients, the names of all keys and channels, and its health.
// It knows nothing of what the other packages keep in Redis.
package redisconn

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// CacheClient is for the cache: a slow answer is worth less than a database read, so waits are short and nothing
// is retried here (package cache decides that itself). The caller closes it.
func (s Settings) CacheClient() redis.UniversalClient {
	return s.open(redis.UniversalOptions{
		DialTimeout:  200 * time.Millisecond,
		ReadTimeout:  CallTimeout,
		WriteTimeout: CallTimeout,
		PoolTimeout:  CallTimeout,
		PoolSize:     16,
	})
}

// BusClient is for Pub/Sub and the registry of connections: it may wait longer, but a publisher that cannot
// write fails soon, since the sweep of heads delivers what a lost notification would have. The caller closes it.
func (s Settings) BusClient() redis.UniversalClient {
	return s.open(redis.UniversalOptions{
		DialTimeout:  time.Second,
		ReadTimeout:  time.Second,
		WriteTimeout: 250 * time.Millisecond,
		PoolTimeout:  250 * time.Millisecond,
		PoolSize:     16,
		// When a link dies silently, each idle connection costs the sender of notifications a timeout of its own, one after the other:
		// with all 16 kept, the bus came back 6 s after Redis had.
		MaxIdleConns: 2,
	})
}

func (s Settings) open(o redis.UniversalOptions) redis.UniversalClient {
	o.Addrs, o.DB, o.Protocol = s.addrs, s.db, s.protocol
	o.Username, o.Password = s.user, s.password
	o.MaxRetries, o.DialerRetries = -1, 1
	// A cluster's client tries up to three times whatever MaxRetries says, to follow slots. Between tries it would wait longer
	// than the cache does at all, and a node that refuses would look like one that hangs.
	o.MinRetryBackoff, o.MaxRetryBackoff = -1, -1
	o.ContextTimeoutEnabled = true
	o.ConnMaxIdleTime = 5 * time.Minute // below the idle limit of common proxies and hosts
	o.PipelinePoolSize = -1             // one pool: a second one for pipelines doubles the connections
	// Both send commands at connect that old servers and proxies refuse, and the second can pause a connection by itself.
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	o.OnConnect = Prove
	dialer := &net.Dialer{Timeout: o.DialTimeout, KeepAlive: 15 * time.Second}
	o.Dialer = EachTry(dialer.DialContext)
	if s.tls {
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12} // the server's name comes from each address
		o.Dialer = EachTry((&tls.Dialer{NetDialer: dialer, Config: o.TLSConfig}).DialContext)
	}
	switch s.kind {
	case cluster:
		return redis.NewClusterClient(o.Cluster())
	case sentinel:
		o.MasterName, o.SentinelPassword = s.master, s.password
		client := redis.NewFailoverClient(o.Failover())
		client.AddHook(eachTry{}) // around asking the sentinels too
		return client
	default:
		return redis.NewClient(o.Simple())
	}
}

// Version asks a server for its version: one call, for the line that is logged at start.
func Version(ctx context.Context, client redis.UniversalClient) (string, error) {
	info, err := client.Info(ctx, "server").Result() // InfoMap panics on a reply without headings
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(info) {
		if version, ok := strings.CutPrefix(line, "redis_version:"); ok {
			return strings.TrimSpace(version), nil
		}
	}
	return "", errors.New("the server does not say its version")
}
