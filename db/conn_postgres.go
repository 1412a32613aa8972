package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// postgresConnector makes connections on which the server bounds every transaction: see postgresLimits.
type postgresConnector struct {
	driver.Connector // of pgx

	write, read postgresLimits
	onLinux     *atomic.Pointer[bool] // whether the server runs on Linux; nil before the first connection
}

// newPostgresConnector wraps a connector of pgx.
func newPostgresConnector(inner driver.Connector) postgresConnector {
	return postgresConnector{Connector: inner, write: writeLimits, read: readLimits, onLinux: new(atomic.Pointer[bool])}
}

// forMigrations is a connector for transactions that may take as long as migrations do.
func (c postgresConnector) forMigrations() postgresConnector {
	c.write, c.read = migrationLimits, migrationLimits
	return c
}

// Connect implements driver.Connector.
func (c postgresConnector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	conn, ok := inner.(*stdlib.Conn)
	if !ok {
		_ = inner.Close()
		return nil, fmt.Errorf("a connection is a %T", inner)
	}
	server, err := c.serverOf(ctx, conn.Conn())
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return &postgresConn{Conn: conn, write: c.write.set(server), read: c.read.set(server)}, nil
}

// serverOf says what the server knows. The system that it runs on is asked for once, over the first connection.
func (c postgresConnector) serverOf(ctx context.Context, conn *pgx.Conn) (postgresServer, error) {
	server := postgresServer{major: majorVersion(conn.PgConn().ParameterStatus("server_version"))}
	if known := c.onLinux.Load(); known != nil {
		server.linux = *known
		return server, nil
	}
	err := conn.QueryRow(ctx, "SELECT version() LIKE '%linux%'").Scan(&server.linux)
	if err == nil {
		c.onLinux.Store(&server.linux)
	}
	return server, err
}

// majorVersion reads versions such as "15.4 (Debian 15.4-1)" and "17beta1"; 0 if it cannot.
func majorVersion(version string) int {
	digits := strings.TrimLeft(version, "0123456789")
	major, err := strconv.Atoi(version[:len(version)-len(digits)])
	if err != nil {
		return 0
	}
	return major
}

// postgresConn is a connection of pgx that begins transactions with limits. The rest is as it was.
type postgresConn struct {
	*stdlib.Conn

	write, read string // what limits a transaction, to be sent with BEGIN
}

var _ driver.ConnBeginTx = (*postgresConn)(nil)

// Begin implements driver.Conn.
func (c *postgresConn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

// BeginTx implements driver.ConnBeginTx: BEGIN and the limits are one message, and so one round trip.
func (c *postgresConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	conn := c.Conn.Conn()
	if conn.IsClosed() {
		return nil, driver.ErrBadConn
	}
	begin, err := c.begin(opts)
	if err != nil {
		return nil, err
	}
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{BeginQuery: begin})
	if err != nil {
		return nil, err
	}
	return postgresTx{ctx: ctx, tx: tx}, nil
}

func (c *postgresConn) begin(opts driver.TxOptions) (string, error) {
	begin, limits := "BEGIN", c.write
	switch level := sql.IsolationLevel(opts.Isolation); level {
	case sql.LevelDefault:
	case sql.LevelRepeatableRead:
		begin += " ISOLATION LEVEL REPEATABLE READ"
	default:
		return "", fmt.Errorf("the store has no use for the isolation level %s", level)
	}
	if opts.ReadOnly {
		begin, limits = begin+" READ ONLY", c.read
	}
	return begin + limits, nil
}

// postgresTx is a transaction of pgx. database/sql gives no context to its end: that of BEGIN bounds all of it.
type postgresTx struct {
	ctx context.Context
	tx  pgx.Tx
}

// Commit implements driver.Tx.
func (t postgresTx) Commit() error { return t.tx.Commit(t.ctx) }

// Rollback implements driver.Tx.
func (t postgresTx) Rollback() error { return t.tx.Rollback(t.ctx) }
