package config

import (
	"slices"
	"time"

	"studychat/db/sqlstore"
)

// Database says which database to use and how long to keep its content.
type Database struct {
	URL           string `env:"DATABASE_URL" envDefault:"sqlite:studychat.db"`
	Conns         int    `env:"DATABASE_CONNS" envDefault:"20"`
	RetentionDays int    `env:"RETENTION_DAYS" envDefault:"0"`

	ConnectTimeout   time.Duration `env:"DATABASE_CONNECT_TIMEOUT" envDefault:"30s"`
	MigrationTimeout time.Duration `env:"MIGRATION_TIMEOUT" envDefault:"10m"`
	Migrations       string        `env:"RUN_MIGRATIONS" envDefault:"auto"` // auto, check or off
}

// Retention is how long messages and events are kept; 0 means for ever.
func (d *Database) Retention() time.Duration { return time.Duration(d.RetentionDays) * 24 * time.Hour }

// ByDefault reports whether nobody chose a database, which a server with authentication hardly means.
func (d *Database) ByDefault() bool { return d.URL == "sqlite:studychat.db" }

func (d *Database) validate() []string {
	var mistakes []string
	if err := sqlstore.CheckURL(d.URL); err != nil {
		mistakes = append(mistakes, "DATABASE_URL: "+err.Error()+".")
	}
	if d.Conns < 2 || d.Conns > 1000 {
		mistakes = append(mistakes, "DATABASE_CONNS must be 2 to 1000.")
	}
	if d.RetentionDays < 0 || d.RetentionDays > 3650 {
		mistakes = append(mistakes, "RETENTION_DAYS must be 1 to 3650, or 0 to keep everything.")
	}
	if d.ConnectTimeout < time.Second || d.ConnectTimeout > time.Hour {
		mistakes = append(mistakes, "DATABASE_CONNECT_TIMEOUT must be 1s to 1h.")
	}
	if d.MigrationTimeout < time.Second || d.MigrationTimeout > 24*time.Hour {
		mistakes = append(mistakes, "MIGRATION_TIMEOUT must be 1s to 24h.")
	}
	if !slices.Contains([]string{"auto", "check", "off"}, d.Migrations) {
		mistakes = append(mistakes, "RUN_MIGRATIONS must be auto, check or off.")
	}
	return mistakes
}
