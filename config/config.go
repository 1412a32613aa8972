// Package config reads the settings of the server from the environment, one struct per topic. Validate reports all mistakes at
// once; no message holds a value, which may be a secret in the wrong place.
package config

import (
	"errors"
	"log/slog"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Settings is everything that can be configured. The env tags name the environment variables; the README describes them.
type Settings struct {
	HTTP      HTTP
	Database  Database
	Redis     Redis
	Auth      Auth
	Limits    Limits
	Documents Documents
	Log       Log
	Traces    Traces
}

// Read reads and validates the environment ("NAME=value" each). The error lists every mistake, one per line, and holds no secret.
func Read(environ []string) (Settings, error) {
	var s Settings
	values, mistakes := collect(environ)
	unreadable := explain(env.ParseWithOptions(&s, env.Options{Environment: values}))
	mistakes = append(mistakes, unreadable...)
	for _, mistake := range s.Validate() {
		if !slices.ContainsFunc(unreadable, sameSetting(mistake)) { // a value that did not parse is out of range too: report it once
			mistakes = append(mistakes, mistake)
		}
	}
	if len(mistakes) > 0 {
		return s, errors.New(strings.Join(mistakes, "\n"))
	}
	return s, nil
}

// Validate completes the settings with what is parsed or loaded from them, and returns a sentence for each mistake.
func (s *Settings) Validate() []string {
	return slices.Concat(
		s.HTTP.validate(s.Auth.Enabled()), s.Database.validate(), s.Redis.validate(), s.Auth.validate(),
		s.Limits.validate(), s.Documents.validate(), s.Log.validate(), s.Traces.validate(),
	)
}

// Introspection reports whether clients may read the schema. By default they may if there is no authentication.
func (s *Settings) Introspection() bool {
	return s.Documents.Introspection == "on" || s.Documents.Introspection == "auto" && !s.Auth.Enabled()
}

// Log says what is logged.
type Log struct {
	Level  string `env:"LOG_LEVEL" envDefault:"info"`
	Format string `env:"LOG_FORMAT" envDefault:"auto"` // json or text; auto is text on a terminal

	Slog slog.Level // parsed from Level
}

var levels = map[string]slog.Level{
	"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
}

func (l *Log) validate() (mistakes []string) {
	level, ok := levels[l.Level]
	if l.Slog = level; !ok {
		mistakes = append(mistakes, "LOG_LEVEL must be debug, info, warn or error.")
	}
	if !slices.Contains([]string{"auto", "json", "text"}, l.Format) {
		mistakes = append(mistakes, "LOG_FORMAT must be auto, json or text.")
	}
	return mistakes
}
