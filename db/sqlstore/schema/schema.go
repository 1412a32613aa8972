// Package schema brings a database to the schema that this program expects, and compares the two.
//
// Bun finds the migrations and runs their files. The record of what was applied is Bun's table bun_migrations, and beside it
// migration_notes, which says what a program has to know to run with a migration that it does not know: see docs/operations.md.
package schema

import (
	"context"
	"fmt"
	"io/fs"
	"regexp"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/migrate"
)

// Schema is the schema of one database.
type Schema struct {
	db    Database
	files fs.FS
	known migrate.MigrationSlice // oldest first
	needs map[string]string      // by the migration's number
}

// Database is how a Schema reaches its database.
type Database struct {
	// Tables reads whether the tables of the record exist.
	Tables string

	// Read reads, without a lock. Each statement sees its own state.
	Read func(ctx context.Context, do func(ctx context.Context, conn bun.IDB) error) error

	// Change provides a pool of one connection for changes.
	Change func(ctx context.Context, do func(ctx context.Context, conn *bun.DB) error) error

	// TryLock takes the lock without which no process may change anything, until the transaction ends. It does not wait.
	TryLock func(ctx context.Context, conn bun.IDB) (bool, error)
}

// compatible is the first line of a migration that older programs may run with: they must know the migration of that number.
var compatible = regexp.MustCompile(`^-- Compatible with versions that know (\d+)\.\n`)

// New finds the migrations in files.
func New(db Database, files fs.FS) (*Schema, error) {
	steps := migrate.NewMigrations()
	if err := steps.Discover(files); err != nil {
		return nil, err
	}
	s := &Schema{db: db, files: files, known: steps.Sorted(), needs: map[string]string{}}
	for _, step := range s.known {
		up, err := s.text(step, "up")
		if err != nil {
			return nil, err
		}
		if _, err := s.text(step, "down"); err != nil {
			return nil, err
		}
		if found := compatible.FindStringSubmatch(up); found != nil {
			s.needs[step.Name] = found[1]
		}
	}
	return s, nil
}

// text returns one of the two files of a migration.
func (s *Schema) text(step migrate.Migration, direction string) (string, error) {
	paths, err := fs.Glob(s.files, step.String()+"*."+direction+".sql")
	if err != nil || len(paths) != 1 {
		return "", fmt.Errorf("the migration %s has %d files that lead %s, want one", step, len(paths), direction)
	}
	text, err := fs.ReadFile(s.files, paths[0])
	return string(text), err
}

func (s *Schema) knows(number string) bool {
	for _, step := range s.known {
		if step.Name == number {
			return true
		}
	}
	return false
}
