package config

import "log/slog"

// Log says what is logged.
type Log struct {
	Level string `env:"LOG_LEVEL" envDefault:"info"`

	Slog slog.Level // parsed from Level
}

var levels = map[string]slog.Level{
	"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
}

func (l *Log) validate() []string {
	level, ok := levels[l.Level]
	if !ok {
		return []string{"LOG_LEVEL must be debug, info, warn or error."}
	}
	l.Slog = level
	return nil
}
