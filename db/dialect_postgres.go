package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// connectTimeout bounds how long a connection to PostgreSQL takes to be made, one address.
const connectTimeout = 5 * time.Second

// openPostgres opens a pool that also works behind pgbouncer in transaction mode: no prepared statements, no session
// state. Bun writes the arguments into the statement, so there is nothing that preparing would save but planning.
func openPostgres(url string, opts OpenOptions) (*Store, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the database URL is no PostgreSQL URL") // err may quote the password
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	if config.ConnectTimeout == 0 || config.ConnectTimeout > connectTimeout {
		config.ConnectTimeout = connectTimeout
	}
	connector := stdlib.GetConnector(*config, stdlib.OptionAfterConnect(preparePostgres))
	pool := sql.OpenDB(connector)
	pool.SetMaxOpenConns(opts.MaxConns)
	pool.SetMaxIdleConns(opts.MaxConns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	pool.SetConnMaxLifetime(time.Hour) // spreads over servers again after a failover
	db := newBun(pool, pgdialect.New(), opts.Hook)
	return &Store{
		dialect: Postgres,
		about:   Description{Product: "PostgreSQL", Address: postgresAddress(config)},
		guard:   opts.Guard,
		log:     opts.Log,
		writer:  db,
		reader:  db,
		traits: traits{
			version:  "SELECT current_setting('server_version')",
			snapshot: &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
			migrator: postgresLock{connector: connector},

			fingerprints: []string{postgresFingerprint, postgresPartialFingerprint},
			reserve:      "CAST(pg_advisory_xact_lock(hashtextextended(?, 0)) AS text)",
			lock:         "SELECT pg_advisory_xact_lock(?)",
			tryLock:      "SELECT pg_try_advisory_xact_lock(?)",
		},
	}, nil
}

// preparePostgres runs for each new connection. Times come back in UTC. A server that takes backslashes in strings for
// escapes is refused, because Bun quotes strings as the standard says.
func preparePostgres(_ context.Context, conn *pgx.Conn) error {
	if conn.PgConn().ParameterStatus("standard_conforming_strings") == "off" {
		return errors.New("PostgreSQL's standard_conforming_strings is off: statements would not be safe")
	}
	conn.TypeMap().RegisterType(&pgtype.Type{
		Name:  "timestamptz",
		OID:   pgtype.TimestamptzOID,
		Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	})
	return nil
}

func postgresAddress(config *pgx.ConnConfig) string {
	host := net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))
	return fmt.Sprintf("%s/%s", host, config.Database)
}
