package config

import (
	"time"

	"studychat/redisconn"
)

// Redis says which Redis to use, if any.
type Redis struct {
	URL      string `env:"REDIS_URL"`
	Token    string `env:"REDIS_TOKEN"`
	CAFile   string `env:"REDIS_CA_FILE"`   // PEM
	CertFile string `env:"REDIS_CERT_FILE"` // of the client certificate
	KeyFile  string `env:"REDIS_KEY_FILE"`

	SentinelUser     string `env:"REDIS_SENTINEL_USER"`
	SentinelPassword string `env:"REDIS_SENTINEL_PASSWORD"`

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
		return append(mistakes, r.without()...)
	}
	server, err := redisconn.ParseURL(r.URL, r.Token)
	if err != nil {
		return append(mistakes, "REDIS_URL: "+err.Error())
	}
	r.Server = &server
	return append(mistakes, r.complete()...)
}

// without returns the settings that need REDIS_URL.
func (r *Redis) without() (mistakes []string) {
	for _, setting := range []struct{ name, value string }{
		{"REDIS_TOKEN", r.Token}, {"REDIS_CA_FILE", r.CAFile}, {"REDIS_CERT_FILE", r.CertFile}, {"REDIS_KEY_FILE", r.KeyFile},
		{"REDIS_SENTINEL_USER", r.SentinelUser}, {"REDIS_SENTINEL_PASSWORD", r.SentinelPassword},
	} {
		if setting.value != "" {
			mistakes = append(mistakes, setting.name+" is set, but REDIS_URL is not.")
		}
	}
	return mistakes
}

// complete adds to the server what has settings of its own.
func (r *Redis) complete() (mistakes []string) {
	check := func(name string, err error) {
		if err != nil {
			mistakes = append(mistakes, name+": "+err.Error()+".")
		}
	}
	if r.CAFile != "" {
		check("REDIS_CA_FILE", r.Server.UseCA(r.CAFile))
	}
	switch {
	case (r.CertFile == "") != (r.KeyFile == ""):
		mistakes = append(mistakes, "REDIS_CERT_FILE and REDIS_KEY_FILE belong together.")
	case r.CertFile != "":
		check("REDIS_CERT_FILE and REDIS_KEY_FILE", r.Server.UseCertificate(r.CertFile, r.KeyFile))
	}
	switch {
	case r.SentinelPassword != "":
		check("REDIS_SENTINEL_PASSWORD", r.Server.UseSentinelLogin(r.SentinelUser, r.SentinelPassword))
	case r.SentinelUser != "":
		mistakes = append(mistakes, "REDIS_SENTINEL_USER needs REDIS_SENTINEL_PASSWORD.")
	}
	return mistakes
}
