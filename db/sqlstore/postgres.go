package sqlstore

import (
	"database/sql"
	"time"

	"github.com/uptrace/bun/dialect/pgdialect"

	"studychat/db/sqlstore/gate"
	"studychat/db/sqlstore/postgres"
)

// lockWait is how long a write waits for a lock while it has a connection. Then it waits in memory: see package gate.
const lockWait = time.Second

// idleLimit is longer than a live instance pauses in a write: the guard's requests to Redis take a fraction of a second.
const idleLimit = 5 * time.Second

var (
	writeLimits = postgres.Limits{Idle: idleLimit, Whole: MaxTransaction, Lock: lockWait}

	// A read takes no lock that others wait for, but the server cannot vacuum while it lasts, and a long answer to a lost instance
	// lasts until TCP gives up.
	readLimits = postgres.Limits{Idle: idleLimit, Whole: readTimeout, Send: 2 * readTimeout}
)

// migrationLimits are those of a migration, which may take long. It pauses no longer than a write does, unless its instance is lost.
func migrationLimits(whole time.Duration) postgres.Limits {
	return postgres.Limits{Idle: idleLimit, Whole: whole}
}

// openPostgres opens a pool, and one more connection for the pulse.
func openPostgres(url string, opts OpenOptions) (*Store, error) {
	connector, err := postgres.New(url, writeLimits, readLimits)
	if err != nil {
		return nil, err
	}
	pool := sql.OpenDB(connector)
	pool.SetMaxOpenConns(opts.MaxConns)
	pool.SetMaxIdleConns(opts.MaxConns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	pool.SetConnMaxLifetime(time.Hour) // spreads over servers again after a failover
	conn := newBun(pool, pgdialect.New(), opts.Hook)
	vitals := sql.OpenDB(connector)
	vitals.SetMaxOpenConns(1)
	return newStore(&database{
		dialect: Postgres,
		about:   Description{Product: "PostgreSQL", Address: connector.Address()},
		log:     opts.Log,
		hook:    opts.Hook,
		stats:   opts.stats,
		writer:  conn,
		reader:  conn,
		vitals:  newBun(vitals, pgdialect.New(), nil),
		traits: traits{
			version:  "SELECT current_setting('server_version')",
			record:   postgresRecord,
			pulse:    postgresPulse,
			snapshot: &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
			changing: changePostgres(connector.WithLimits(migrationLimits(opts.MigrateTimeout)), opts.Hook),

			identified: true,
			reserve:    "CAST(pg_advisory_xact_lock(hashtextextended(?, 0)) AS text)",
			lock:       "SELECT pg_advisory_xact_lock(?)",
			tryLock:    "SELECT pg_try_advisory_xact_lock(?)",
		},
	}, opts, gate.Slots(opts.MaxConns)), nil
}

const postgresRecord = "SELECT to_regclass('bun_migrations') IS NOT NULL AS record, to_regclass('migration_notes') IS NOT NULL AS notes"

// postgresPulse reads a Pulse. Its time is that of the statement's arrival, before it reads the running transactions. It ignores aborted
// transactions, which commit nothing, and transactions older than a minute that have no id and so have written nothing: the store's
// own would have written by then. So a dump that reads for hours does not hold the horizon back. With track_activities off, and for
// sessions of another role, the server does not tell when transactions began.
const postgresPulse = `SELECT statement_timestamp() AS now, m.epoch, m.database_id, current_setting('track_activities') = 'on' AS told, o.instance, o.since, o.until,
(SELECT MIN(a.xact_start) FROM pg_stat_activity AS a WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.state <> 'idle in transaction (aborted)'
AND (a.backend_xid IS NOT NULL OR a.xact_start > statement_timestamp() - INTERVAL '1 minute')) AS oldest
FROM stream_meta AS m LEFT JOIN cache_outages AS o ON TRUE`
