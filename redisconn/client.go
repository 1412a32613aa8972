// Package redisconn is the connection to Redis: its address, its clients, the names of all keys and channels, and its health.
// It knows nothing of what the other packages keep in Redis.
package redisconn

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// kind says how Redis is reached.
type kind string

const (
	single   kind = "server"
	cluster  kind = "cluster"
	sentinel kind = "sentinel"
)

// Settings is what REDIS_URL and REDIS_TOKEN say. It holds secrets: log Describe, never the struct.
type Settings struct {
	kind     kind
	addrs    []string // host:port; of the sentinels, with sentinel
	user     string
	password string // with sentinel it is given to the sentinels too: those without a password take any
	db       int
	tls      bool
	master   string // sentinel: the name of the monitored master
	protocol int    // RESP version; 0 = the client's choice

	sentinelUser, sentinelPassword string         // instead of password
	authorities                    *x509.CertPool // nil: those of the machine
	certificate                    *clientCertificate
}

// Describe names the server without any secret, for logs.
func (s Settings) Describe() string {
	text := fmt.Sprintf("%s %s", s.kind, strings.Join(s.addrs, ","))
	if s.master != "" {
		text += " master " + s.master
	}
	if s.db != 0 {
		text += fmt.Sprintf(" db %d", s.db)
	}
	if s.tls {
		text += " (TLS)"
	}
	return text
}

// String keeps secrets out of %v and %s.
func (s Settings) String() string { return s.Describe() }

// GoString keeps secrets out of %#v.
func (s Settings) GoString() string { return "Settings{" + s.Describe() + "}" }

// LogValue keeps secrets out of slog.
func (s Settings) LogValue() slog.Value { return slog.StringValue(s.Describe()) }

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
		o.TLSConfig = s.tlsConfig()
		o.Dialer = EachTry((&tls.Dialer{NetDialer: dialer, Config: o.TLSConfig}).DialContext)
	}
	switch s.kind {
	case cluster:
		return redis.NewClusterClient(o.Cluster())
	case sentinel:
		o.MasterName, o.SentinelUsername, o.SentinelPassword = s.master, s.sentinelUser, cmp.Or(s.sentinelPassword, s.password)
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
