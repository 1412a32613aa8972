package redisconn

import (
	"fmt"
	"log/slog"
	"strings"
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
