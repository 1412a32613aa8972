package config

import (
	"time"

	"studychat/redisconn"
)

// Redis says which Redis to use, if any.
type Redis struct {
	URL    string        `env:"REDIS_URL"`
	Token  string        `env:"REDIS_TOKEN"`
	Prefix string        `env:"REDIS_PREFIX" envDefault:"studychat"`
	TTL    time.Duration `env:"CACHE_TTL" envDefault:"60s"`

	Server *redisconn.Settings // parsed from URL and Token; nil without Redis
}

func (r *Redis) validate() []string {
	var mistakes []string
	if r.TTL < time.Second || r.TTL > time.Hour {
		mistakes = append(mistakes, "CACHE_TTL must be 1s to 1h.")
	}
	if err := redisconn.CheckPrefix(r.Prefix); err != nil {
		mistakes = append(mistakes, "REDIS_PREFIX "+err.Error()+".")
	}
	if r.URL == "" {
		if r.Token != "" {
			mistakes = append(mistakes, "REDIS_TOKEN is set, but REDIS_URL is not.")
		}
		return mistakes
	}
	server, err := redisconn.ParseURL(r.URL, r.Token)
	if err != nil {
		return append(mistakes, "REDIS_URL: "+err.Error())
	}
	r.Server = &server
	return mistakes
}
