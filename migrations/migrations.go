// Package migrations holds the database schema as SQL files, one folder per dialect. Both folders have the same files and
// lead to the same tables and columns; a test holds them to it.
//
// Every migration may be run again: hence IF NOT EXISTS and IF EXISTS throughout. PostgreSQL's files are named .tx. because each runs in a
// transaction of its own, together with its mark in bun_migrations; SQLite's all run in one transaction (see db/sqlstore/migrate.go).
//
// Instances of two versions run side by side during a deployment: a migration only adds; what the old version still
// uses is taken away one release later. The first line of a file that older versions can live with says which ones:
//
//	-- Compatible with versions that know 0001.
//
// Without this line, versions that do not know the migration refuse to start. docs/operations.md has the rules.
package migrations

import (
	"embed"
	"io/fs"
)

//go:embed postgres/*.sql sqlite/*.sql
var files embed.FS

// Of returns the migrations of a dialect: postgres or sqlite.
func Of(dialect string) fs.FS {
	sub, err := fs.Sub(files, dialect)
	if err != nil { // the name is not a path
		return embed.FS{}
	}
	return sub
}
