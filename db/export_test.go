package db

import "github.com/uptrace/bun"

// PostgresLockKey is the key of the migrations' lock, for tests that hold it.
const PostgresLockKey = postgresLockKey

// PostgresPruneKey is the key of the pruner's lock.
const PostgresPruneKey = postgresPruneKey

// Bun is the pool that writes, for tests that arrange what a Repository cannot.
func (s *Store) Bun() *bun.DB { return s.writer }

// Reader is the pool that reads.
func (s *Store) Reader() *bun.DB { return s.reader }
