package db

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// OpenOptions are what a Store can be told beside its URL. The zero value is good.
type OpenOptions struct {
	Guard    WriteGuard    // told of every write; nil: NoGuard
	MaxConns int           // connections, of SQLite those that read; 0: DefaultMaxConns
	Log      *slog.Logger  // hears of commits with an unknown outcome; nil: slog.Default()
	Hook     bun.QueryHook // sees every statement; for tests and traces
}

// DefaultMaxConns is how many connections a Store opens at most when it is not told.
const DefaultMaxConns = 16

// Description says which database a Store talks to, without any secret.
type Description struct {
	Product string // PostgreSQL or SQLite
	Version string
	Address string // host, port and database; or the file
}

func (d Description) String() string { return d.Product + " " + d.Version + " at " + d.Address }

// Open connects to the database at url and finds out what it is. It does not migrate it: see MigrateUp.
//
//   - postgres://user:password@host:5432/name?sslmode=verify-full (also postgresql://)
//   - sqlite:PATH or file:PATH, a file that is created when it is not there
//   - sqlite::memory:, a database of its own that is gone with Close
//
// Errors: UNAVAILABLE when the database does not answer; else the URL is wrong, the database cannot be used, or a file of
// SQLite cannot be written.
func Open(ctx context.Context, url string, opts OpenOptions) (*Store, error) {
	if opts.Guard == nil {
		opts.Guard = NoGuard{}
	}
	if opts.MaxConns <= 0 {
		opts.MaxConns = DefaultMaxConns
	}
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	store, err := newStore(url, opts)
	if err != nil {
		return nil, err
	}
	err = store.describe(ctx)
	if err == nil && store.dialect == SQLite {
		err = store.probeWrite(ctx)
	}
	if err != nil {
		_ = store.Close()
		return nil, explainSQLite(store.about.Address, err)
	}
	return store, nil
}

// CheckURL says what is wrong with a database URL, without connecting and without quoting it.
func CheckURL(url string) error {
	store, err := newStore(url, OpenOptions{Guard: NoGuard{}, MaxConns: 1, Log: slog.Default()})
	if err != nil {
		return err
	}
	return store.Close()
}

func newStore(url string, opts OpenOptions) (*Store, error) {
	// Neither message quotes the URL: it may hold a password, and it is about to be logged.
	scheme, rest, ok := strings.Cut(url, ":")
	if !ok {
		return nil, errors.New("the database URL has no scheme: want postgres://…, sqlite:PATH or sqlite::memory: (in memory)")
	}
	switch scheme {
	case "postgres", "postgresql":
		return openPostgres(url, opts)
	case "sqlite", "file":
		return openSQLite(strings.TrimPrefix(rest, "//"), opts)
	}
	return nil, errors.New("the database URL has an unknown scheme: want postgres://…, sqlite:PATH or sqlite::memory: (in memory)")
}

func (s *Store) describe(ctx context.Context) error {
	return s.query(ctx, func(ctx context.Context, db bun.IDB) error {
		// Several processes that create one SQLite file are in each other's way when they switch it to WAL.
		return untilFree(ctx, func() error { return s.describeOnce(ctx, db) })
	})
}

func (s *Store) describeOnce(ctx context.Context, db bun.IDB) error {
	if err := db.NewRaw(s.traits.version).Scan(ctx, &s.about.Version); err != nil || s.dialect != Postgres {
		return err
	}
	var answer time.Time
	before := time.Now()
	err := db.NewRaw("SELECT clock_timestamp()").Scan(ctx, &answer)
	if err == nil {
		s.clock.measured(before, time.Now(), answer)
	}
	return err
}
