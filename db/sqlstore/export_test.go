package sqlstore

import (
	"io/fs"

	"github.com/uptrace/bun"
)

// PostgresLockKey is the key of the migrations' lock, for tests that hold it.
const PostgresLockKey = postgresLockKey

// PostgresPruneKey is the key of the pruner's lock.
const PostgresPruneKey = postgresPruneKey

// Bun is the pool that writes, for tests that arrange what a Repository cannot.
func (s *Store) Bun() *bun.DB { return s.writer }

// Reader is the pool that reads.
func (s *Store) Reader() *bun.DB { return s.reader }

// LockWait is how long a write waits for a lock on a connection.
const LockWait = lockWait

// ReadLimits is what limits a read, as it is sent with BEGIN to servers on Linux of any version since 12.
var ReadLimits = readLimits.SetLocal(12, true)

// SetMigrations makes the store that of a program with other migrations.
func (s *Store) SetMigrations(files fs.FS) { s.files = files }
