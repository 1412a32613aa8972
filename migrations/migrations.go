// Package migrations holds the database schema as SQL files, one folder a dialect. Both folders have the same files and
// lead to the same tables and columns; a test holds them to it.
//
// Every migration may be run again after a crash between its end and its mark in bun_migrations: hence IF NOT EXISTS
// and IF EXISTS throughout. PostgreSQL's files are named .tx. because each runs in a transaction of its own; SQLite's
// all run in the one transaction that is also their lock (see db/migrate.go).
//
// Instances of two versions run side by side during a deployment: a migration only adds; what the old version still
// uses is taken away one release later.
package migrations

import "embed"

// Files are the migrations: postgres/*.sql and sqlite/*.sql.
//
//go:embed postgres/*.sql sqlite/*.sql
var Files embed.FS
