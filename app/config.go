package app

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"studychat/auth"
	"studychat/db/sqlstore"
	"studychat/graph/persisted"
)

// prefix may stand before every name: STUDYCHAT_DATABASE_URL wins over DATABASE_URL.
const prefix = "STUDYCHAT_"

// Config is everything that can be set, from the environment alone. Validate explains all mistakes at once.
type Config struct {
	Addr           string        `env:"ADDR"`
	Port           string        `env:"PORT"`
	DatabaseURL    string        `env:"DATABASE_URL" envDefault:"sqlite:studychat.db"`
	DatabaseConns  int           `env:"DATABASE_CONNS" envDefault:"20"`
	RetentionDays  int           `env:"RETENTION_DAYS" envDefault:"0"`
	RedisURL       string        `env:"REDIS_URL"`
	RedisToken     string        `env:"REDIS_TOKEN"`
	CacheTTL       time.Duration `env:"CACHE_TTL" envDefault:"60s"`
	JWTSecret      string        `env:"JWT_SECRET"`
	JWKSURL        string        `env:"JWKS_URL"`
	JWTIssuer      string        `env:"JWT_ISSUER"`
	JWTAudience    string        `env:"JWT_AUDIENCE"`
	AllowedOrigins []string      `env:"ALLOWED_ORIGINS"`
	TrustedProxies []string      `env:"TRUSTED_PROXIES"`
	TLSCert        string        `env:"TLS_CERT"`
	TLSKey         string        `env:"TLS_KEY"`
	LogLevel       string        `env:"LOG_LEVEL" envDefault:"info"`
	ShutdownDelay  time.Duration `env:"SHUTDOWN_DELAY" envDefault:"0s"`

	Introspection    string `env:"INTROSPECTION" envDefault:"auto"`
	TrustedDocuments string `env:"TRUSTED_DOCUMENTS" envDefault:"off"`
	DocumentManifest string `env:"DOCUMENT_MANIFEST"`

	// Limits, which do not hold for the one local user of a server without authentication; 0 is none.
	ConnectionsPerUser    int `env:"CONNECTIONS_PER_USER" envDefault:"20"`
	ConnectionsPerAddress int `env:"CONNECTIONS_PER_ADDRESS" envDefault:"1000"`
	MutationRate          int `env:"MUTATION_RATE" envDefault:"20"`
	MutationBurst         int `env:"MUTATION_BURST" envDefault:"100"`
	AddressMutationRate   int `env:"ADDRESS_MUTATION_RATE" envDefault:"200"`
	AddressMutationBurst  int `env:"ADDRESS_MUTATION_BURST" envDefault:"1000"`

	redis       *redisSettings      // parsed from RedisURL; nil without Redis
	proxies     []netip.Prefix      // parsed from TrustedProxies
	certificate *tls.Certificate    // loaded from TLSCert and TLSKey; nil without TLS
	manifest    *persisted.Manifest // loaded from DocumentManifest; nil when any document may run
}

// defaultPort is where the server listens when neither ADDR nor PORT is set.
const defaultPort = "8080"

// readConfig reads and checks the environment ("NAME=value" each). The error names every mistake, a line each, and
// holds no secret.
func readConfig(environ []string) (Config, error) {
	var config Config
	settings, unknown := collect(environ)
	err := env.ParseWithOptions(&config, env.Options{Environment: settings})
	unreadable := explain(err)
	mistakes := slices.Concat(unknown, unreadable)
	for _, mistake := range config.Validate() {
		if !slices.ContainsFunc(unreadable, sameSetting(mistake)) { // not again: it has its zero value because it did not parse
			mistakes = append(mistakes, mistake)
		}
	}
	if len(mistakes) > 0 {
		return config, errors.New(strings.Join(mistakes, "\n"))
	}
	return config, nil
}

// sameSetting compares the settings that two mistakes begin with.
func sameSetting(mistake string) func(string) bool {
	name, _, _ := strings.Cut(mistake, " ")
	return func(other string) bool { return strings.HasPrefix(other, name+" ") }
}

// collect lays names with the prefix over those without. A name that is only ever ours and that we do not know is a
// mistake: most likely a typing error in a setting that somebody counts on.
func collect(environ []string) (settings map[string]string, unknown []string) {
	settings = map[string]string{}
	known := knownNames()
	for _, line := range environ {
		if name, value, _ := strings.Cut(line, "="); value != "" && slices.Contains(known, name) {
			settings[name] = value
		}
	}
	for _, line := range environ {
		name, value, _ := strings.Cut(line, "=")
		bare, ours := strings.CutPrefix(name, prefix)
		switch {
		case !ours:
		case !slices.Contains(known, bare):
			unknown = append(unknown, name+" is not a setting.")
		case value != "":
			settings[bare] = value
		}
	}
	return settings, unknown
}

func knownNames() []string {
	fields, err := env.GetFieldParams(&Config{})
	if err != nil {
		panic(err) // the struct above is at fault
	}
	names := make([]string, 0, len(fields))
	for _, field := range fields {
		if field.Key != "" {
			names = append(names, field.Key)
		}
	}
	return names
}

// explain takes the parser's errors apart, without the values: a value may be a secret in the wrong place.
func explain(err error) []string {
	if err == nil {
		return nil
	}
	all, ok := errors.AsType[env.AggregateError](err)
	if !ok {
		return []string{"The environment cannot be read."}
	}
	var lines []string
	for _, one := range all.Errors {
		if bad, ok := errors.AsType[env.ParseError](one); ok {
			lines = append(lines, settingName(bad.Name)+" must be "+article(bad.Type.String())+".")
			continue
		}
		lines = append(lines, "The environment cannot be read.")
	}
	return lines
}

// settingName finds the setting of a field of Config.
func settingName(field string) string {
	fields, _ := env.GetFieldParams(&Config{})
	i := slices.IndexFunc(fields, func(f env.FieldParams) bool {
		return strings.EqualFold(strings.ReplaceAll(f.Key, "_", ""), field)
	})
	if i < 0 {
		return field
	}
	return fields[i].Key
}

func article(goType string) string {
	switch goType {
	case "int":
		return "a whole number"
	case "time.Duration":
		return "a duration such as 30s"
	}
	return "a " + goType
}

// Validate completes the config and returns every mistake in it.
func (c *Config) Validate() []string {
	return slices.Concat(c.validateAddr(), c.validateDatabase(), c.validateRedis(), c.validateAuth(), c.validateEdge(), c.validateLimits(), c.validateRest())
}

// Authenticated says whether viewers have to show a token.
func (c *Config) Authenticated() bool { return c.JWTSecret != "" || c.JWKSURL != "" }

func (c *Config) validateAddr() []string {
	if c.Addr != "" && c.Port != "" {
		return []string{"ADDR and PORT cannot both be set."}
	}
	if c.Addr == "" {
		host := "127.0.0.1"
		if c.Authenticated() {
			host = "" // all interfaces: where PORT is set, a platform routes to us from outside
		}
		c.Addr = net.JoinHostPort(host, or(c.Port, defaultPort))
	}
	host, port, err := net.SplitHostPort(c.Addr)
	if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil {
		if c.Port != "" {
			return []string{"PORT must be 0 to 65535."}
		}
		return []string{"ADDR must be host:port, such as 127.0.0.1:8080."}
	}
	if !c.Authenticated() && !isLoopback(host) {
		return []string{"ADDR is open to others, but no authentication is configured: set JWT_SECRET or JWKS_URL, or listen on 127.0.0.1."}
	}
	return nil
}

// retention is how long messages and events are kept, 0 for ever.
func (c *Config) retention() time.Duration { return time.Duration(c.RetentionDays) * 24 * time.Hour }

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func or(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}

func (c *Config) validateDatabase() []string {
	var mistakes []string
	if err := sqlstore.CheckURL(c.DatabaseURL); err != nil {
		mistakes = append(mistakes, "DATABASE_URL: "+err.Error()+".")
	}
	if c.DatabaseConns < 2 || c.DatabaseConns > 1000 {
		mistakes = append(mistakes, "DATABASE_CONNS must be 2 to 1000.")
	}
	if c.RetentionDays < 0 || c.RetentionDays > 3650 {
		mistakes = append(mistakes, "RETENTION_DAYS must be 1 to 3650, or 0 to keep everything.")
	}
	return mistakes
}

func (c *Config) validateRedis() []string {
	var mistakes []string
	if c.CacheTTL < time.Second || c.CacheTTL > time.Hour {
		mistakes = append(mistakes, "CACHE_TTL must be 1s to 1h.")
	}
	if c.RedisURL == "" {
		if c.RedisToken != "" {
			mistakes = append(mistakes, "REDIS_TOKEN is set, but REDIS_URL is not.")
		}
		return mistakes
	}
	settings, err := parseRedisURL(c.RedisURL, c.RedisToken)
	if err != nil {
		return append(mistakes, "REDIS_URL: "+err.Error())
	}
	c.redis = &settings
	return mistakes
}

func (c *Config) validateAuth() []string {
	var mistakes []string
	if c.JWTSecret != "" && c.JWKSURL != "" {
		mistakes = append(mistakes, "JWT_SECRET and JWKS_URL cannot both be set.")
	}
	if n := len(c.JWTSecret); n > 0 && n < auth.MinSecret {
		mistakes = append(mistakes, fmt.Sprintf("JWT_SECRET must have at least %d bytes, not %d.", auth.MinSecret, n))
	}
	if mistake := checkJWKSURL(c.JWKSURL); c.JWKSURL != "" && mistake != "" {
		mistakes = append(mistakes, "JWKS_URL must be an https URL; on this machine, http will do: "+mistake+".")
	}
	if !c.Authenticated() && (c.JWTIssuer != "" || c.JWTAudience != "") {
		mistakes = append(mistakes, "JWT_ISSUER or JWT_AUDIENCE is set, but neither JWT_SECRET nor JWKS_URL.") // a secret that did not arrive
	}
	if c.Authenticated() && c.JWTIssuer == "" {
		mistakes = append(mistakes, "JWT_ISSUER is required with JWT_SECRET or JWKS_URL.")
	}
	if c.Authenticated() && c.JWTAudience == "" {
		mistakes = append(mistakes, "JWT_AUDIENCE is required with JWT_SECRET or JWKS_URL.")
	}
	return mistakes
}

func (c *Config) validateRest() []string {
	var mistakes []string
	if c.ShutdownDelay < 0 || c.ShutdownDelay > maxShutdownDelay {
		mistakes = append(mistakes, "SHUTDOWN_DELAY must be 0s to 5s.")
	}
	if _, ok := logLevels[c.LogLevel]; !ok {
		mistakes = append(mistakes, "LOG_LEVEL must be debug, info, warn or error.")
	}
	return mistakes
}
