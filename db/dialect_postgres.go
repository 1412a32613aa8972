package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net"
	"strconv"
	"strings"
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
	config, err := parsePostgresURL(url)
	if err != nil {
		return nil, err
	}
	setSession(config.RuntimeParams)
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	if config.ConnectTimeout == 0 || config.ConnectTimeout > connectTimeout {
		config.ConnectTimeout = connectTimeout
	}
	config.DialFunc = postgresDialer(config.ConnectTimeout).DialContext
	connector := newPostgresConnector(stdlib.GetConnector(*config, stdlib.OptionAfterConnect(preparePostgres)))
	pool := sql.OpenDB(connector)
	pool.SetMaxOpenConns(opts.MaxConns)
	pool.SetMaxIdleConns(opts.MaxConns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	pool.SetConnMaxLifetime(time.Hour) // spreads over servers again after a failover
	db := newBun(pool, pgdialect.New(), opts.Hook)
	vitals := sql.OpenDB(connector)
	vitals.SetMaxOpenConns(1)
	return &Store{
		dialect: Postgres,
		about:   Description{Product: "PostgreSQL", Address: postgresAddress(config)},
		guard:   opts.Guard,
		log:     opts.Log,
		writer:  db,
		reader:  db,
		vitals:  newBun(vitals, pgdialect.New(), nil),
		gate:    newGate(writeSlots(opts.MaxConns)),
		traits: traits{
			version:  "SELECT current_setting('server_version')",
			pulse:    postgresPulse,
			snapshot: &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
			migrator: postgresLock{connector: connector.forMigrations(), hook: opts.Hook},

			fingerprints: []string{postgresFingerprint, postgresPartialFingerprint},
			reserve:      "CAST(pg_advisory_xact_lock(hashtextextended(?, 0)) AS text)",
			lock:         "SELECT pg_advisory_xact_lock(?)",
			tryLock:      "SELECT pg_try_advisory_xact_lock(?)",
		},
	}, nil
}

// sessionSettings go with the start-up packet of every connection, so that neither the settings of the server, the database
// and the role nor the environment (PGOPTIONS, PGTZ) change how texts and times are written. All of them are settings that
// pgbouncer keeps for each of its clients; it refuses connections that ask for others, unless it is told to ignore them.
//
// The settings that also change what a server writes, but that it cannot be asked for through pgbouncer, do not matter
// here: the schema has no bytea, no interval and no float column.
var sessionSettings = map[string]string{
	"client_encoding":             "UTF8",
	"datestyle":                   "ISO",
	"timezone":                    "UTC",
	"standard_conforming_strings": "on", // Bun quotes strings as the standard says
}

// setSession sets sessionSettings, over what the URL says of them in any spelling.
func setSession(params map[string]string) {
	maps.DeleteFunc(params, func(name, _ string) bool {
		_, ours := sessionSettings[strings.ToLower(name)]
		return ours
	})
	maps.Copy(params, sessionSettings)
}

// preparePostgres runs for each new connection. Times come back in UTC.
func preparePostgres(_ context.Context, conn *pgx.Conn) error {
	if err := checkSession(conn.PgConn().ParameterStatus); err != nil {
		return err
	}
	conn.TypeMap().RegisterType(&pgtype.Type{
		Name:  "timestamptz",
		OID:   pgtype.TimestamptzOID,
		Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	})
	return nil
}

// checkSession refuses a server on which statements would not be safe, or texts would be lost. The settings are checked
// although they were sent: a pooler may have ignored them. status returns "" for what the server does not report.
func checkSession(status func(name string) string) error {
	if encoding := status("server_encoding"); encoding != "" && encoding != "UTF8" {
		return fmt.Errorf("the encoding of the PostgreSQL database is %s: it must be UTF8, which is chosen when the database is created (CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0)", encoding)
	}
	if encoding := status("client_encoding"); encoding != "" && encoding != "UTF8" {
		return fmt.Errorf("PostgreSQL's client_encoding is %s although UTF8 was asked for: a pooler in between must not ignore it", encoding)
	}
	if style := status("DateStyle"); style != "" && !strings.HasPrefix(style, "ISO") {
		return fmt.Errorf("PostgreSQL's DateStyle is %s although ISO was asked for: a pooler in between must not ignore it", style)
	}
	if status("standard_conforming_strings") == "off" {
		return errors.New("PostgreSQL's standard_conforming_strings is off: statements would not be safe")
	}
	return nil
}

func postgresAddress(config *pgx.ConnConfig) string {
	host := net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))
	return fmt.Sprintf("%s/%s", host, config.Database)
}

// postgresPulse asks what Pulse holds. The time is that of the statement's arrival, before it looks at the running transactions.
// An aborted transaction will commit nothing. A transaction without an id has written nothing yet, and the store's own would have
// done so within a minute: a dump that reads for hours therefore does not hold the horizon back. With track_activities off, and
// for sessions of another role, the server does not tell when transactions began.
const postgresPulse = `SELECT statement_timestamp() AS now, m.epoch, current_setting('track_activities') = 'on' AS told, o.instance, o.since, o.until,
(SELECT MIN(a.xact_start) FROM pg_stat_activity AS a WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.state <> 'idle in transaction (aborted)'
AND (a.backend_xid IS NOT NULL OR a.xact_start > statement_timestamp() - INTERVAL '1 minute')) AS oldest
FROM stream_meta AS m LEFT JOIN cache_outages AS o ON TRUE`
