// Package sqlstore keeps chats in PostgreSQL or SQLite, by Bun. It implements db.Repository.
//
// The store has parts, each with its own files and no access to the others:
//
//   - reads: what viewers ask for (read_*.go)
//   - eventLog: heads, logs and standings, for the live path (log*.go)
//   - writes: one method per write (write_*.go), each in a transaction of transactions (transaction*.go)
//   - sends: the write that there are most of, in batches (send_*.go)
//   - upkeep: pruning, tombstones, the epoch (prune.go, epoch.go)
//   - heartbeat: the pulse and the notices of outages (pulse.go)
//   - migrator: migrations (migrate.go)
//
// All of them share the database: its pools, its dialect and its time (database.go, clock.go). The package postgres makes
// connections, sqlite opens files, gate keeps writes that wait for each other from taking all connections, group gathers batches, batch
// judges and stores one, strain notices long waits for connections, schema knows which migrations the database has, identity
// which history it is of, and rights what the role may do.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"path"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"studychat/db"
	"studychat/db/sqlstore/counts"
	"studychat/db/sqlstore/gate"
	"studychat/db/sqlstore/postgres"
	"studychat/db/sqlstore/sqlite"
	"studychat/db/sqlstore/strain"
	"studychat/migrations"
)

// Store is the db.Repository on a database.
type Store struct {
	*database
	reads
	eventLog
	writes
	upkeep
	heartbeat
	migrator

	gate   *gate.Gate
	strain strain.State
}

var _ db.Repository = (*Store)(nil)

// newStore puts the parts together. slots is how many connections writes may have at the same time.
func newStore(d *database, opts OpenOptions, slots int) *Store {
	d.tracer = opts.Tracer
	t := &transactions{database: d, guard: opts.Guard, gate: gate.New(slots)}
	return &Store{
		database:  d,
		reads:     reads{d},
		eventLog:  eventLog{d},
		writes:    writes{transactions: t, reads: reads{d}, sends: newSends(t, slots)},
		upkeep:    upkeep{transactions: t},
		heartbeat: heartbeat{database: d},
		gate:      t.gate,
		migrator:  migrator{database: d, files: migrations.Of(string(d.dialect)), migrateTimeout: opts.MigrateTimeout},
	}
}

// Close stops the batches, closes all connections, and waits for running statements. It may be called again.
func (s *Store) Close() error {
	s.sends.group.Stop()
	return s.database.Close()
}

// The queues that StartWatch watches.
const readQueue, writeQueue = 0, 1

// StartWatch watches how long connections are waited for, for Overloaded, until stop.
func (s *Store) StartWatch(ctx context.Context) (stop func()) {
	pool := s.reader.DB
	return s.strain.Watch(ctx,
		strain.Queue{
			Full: func() bool { now := pool.Stats(); return now.InUse >= now.MaxOpenConnections },
			Join: func(ctx context.Context) error {
				conn, err := pool.Conn(ctx)
				if err != nil {
					return err
				}
				return conn.Close()
			},
		},
		strain.Queue{Full: s.gate.Full, Join: s.gate.Queue})
}

// Overloaded says whether a read, or a write, would wait for its connection for more than strain.Limit, as others do now. It takes no lock.
func (s *Store) Overloaded(write bool) bool {
	if write { // it reads too
		return s.strain.Any(readQueue, writeQueue)
	}
	return s.strain.Any(readQueue)
}

// OpenOptions are options of a Store. The zero value has good defaults.
type OpenOptions struct {
	Guard    db.WriteGuard // is told of every write; nil: NoGuard
	MaxConns int           // connections, of SQLite those that read; 0: DefaultMaxConns
	Log      *slog.Logger  // nil: slog.Default()
	Hook     bun.QueryHook // sees every statement; for tests and traces
	Tracer   Tracer        // nil: writes are not traced

	MigrateTimeout time.Duration // bounds MigrateUp and MigrateDown, the wait for another instance's included; 0: 10 minutes

	stats *counts.Stats
}

// Tracer traces writes.
type Tracer interface {
	// Traceparent names the span in ctx; "" if it is not recorded. Events carry it.
	Traceparent(ctx context.Context) string

	// Commit begins a span for a commit; end ends it.
	Commit(ctx context.Context) (end func(outcome string))

	// Batch begins a span for a transaction of several callers, of whom some may be traced. ctx is not of any of them.
	Batch(ctx context.Context, callers []context.Context) (traced context.Context, end func())
}

// DefaultMaxConns is OpenOptions.MaxConns when it is not set.
const DefaultMaxConns = 16

// Description names the database of a Store, without any secret.
type Description struct {
	Product string // PostgreSQL or SQLite
	Version string
	Address string // host, port and database; or the file
}

// Name is that of the database, or of the file without its folder.
func (d Description) Name() string { return path.Base(d.Address) }

func (d Description) String() string { return d.Product + " " + d.Version + " at " + d.Address }

// Open connects to the database at url and reads its version. It does not migrate it: see MigrateUp.
//
//   - postgres://user:password@host:5432/name?sslmode=verify-full (also postgresql://)
//   - sqlite:PATH or file:PATH, a file that is created unless it exists
//   - sqlite::memory:, a private database that ends with Close
//
// Errors: UNAVAILABLE when the database does not answer; any other error says that the URL is wrong, the database cannot be used, or
// a file of SQLite cannot be written.
func Open(ctx context.Context, url string, opts OpenOptions) (*Store, error) {
	if opts.Guard == nil {
		opts.Guard = db.NoGuard{}
	}
	if opts.MaxConns <= 0 {
		opts.MaxConns = DefaultMaxConns
	}
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	if opts.MigrateTimeout <= 0 {
		opts.MigrateTimeout = defaultMigrateTimeout
	}
	store, err := openPools(url, opts)
	if err != nil {
		return nil, err
	}
	err = store.describe(ctx)
	if err == nil && store.dialect == SQLite {
		err = store.probeWrite(ctx)
	}
	if err != nil {
		_ = store.Close()
		return nil, postgres.Explain(store.about.Address, sqlite.Explain(store.about.Address, err))
	}
	return store, nil
}

// CheckURL returns what is wrong with a database URL. It does not connect, and its error does not quote the URL.
func CheckURL(url string) error {
	store, err := openPools(url, OpenOptions{Guard: db.NoGuard{}, MaxConns: 1, Log: slog.Default()})
	if err != nil {
		return err
	}
	return store.Close()
}

func openPools(url string, opts OpenOptions) (*Store, error) {
	// Neither message quotes the URL: the message is logged, and the URL may contain a password.
	scheme, rest, ok := strings.Cut(url, ":")
	if !ok {
		return nil, errors.New("the database URL has no scheme: want postgres://…, sqlite:PATH or sqlite::memory: (in memory)")
	}
	opts.stats = new(counts.Stats)
	opts.Hook = opts.stats.Hook(opts.Hook)
	switch scheme {
	case "postgres", "postgresql":
		return openPostgres(url, opts)
	case "sqlite", "file":
		return openSQLite(strings.TrimPrefix(rest, "//"), opts)
	}
	return nil, errors.New("the database URL has an unknown scheme: want postgres://…, sqlite:PATH or sqlite::memory: (in memory)")
}

// Dialect names a kind of database.
type Dialect string

// The dialects. Each has its folder in migrations.
const (
	Postgres Dialect = "postgres"
	SQLite   Dialect = "sqlite"
)

// traits are all that differs between the databases once they are open; the statements are the same.
type traits struct {
	version  string         // the statement that reads the product's version
	snapshot *sql.TxOptions // makes a transaction that sees one state throughout
	changing changer
	record   string // the statement that reads which tables of the record of migrations exist
	pulse    string // the statement that reads a Pulse

	identified    bool   // whether a copy can be told from the original
	reserve       string // an expression that locks an id until the transaction ends; "" where only one transaction writes at a time
	lock, tryLock string // take an advisory lock until the transaction ends; "" where only one transaction writes at a time
}

// newBun wraps a pool for a dialect. It ignores columns that a newer version has added, so that instances of two versions can share
// a database during a deployment.
func newBun(pool *sql.DB, dialect schema.Dialect, hook bun.QueryHook) *bun.DB {
	conn := bun.NewDB(pool, dialect, bun.WithDiscardUnknownColumns())
	if hook != nil {
		conn = conn.WithQueryHook(hook)
	}
	return conn
}
