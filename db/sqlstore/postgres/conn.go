// Package postgres makes connections to PostgreSQL that work behind pgbouncer in transaction mode, notice dead servers, and
// on which the server bounds every transaction.
package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// connectTimeout bounds the time to connect to one address.
const connectTimeout = 5 * time.Second

// Connector makes connections on which the server bounds every transaction: see Limits.
type Connector struct {
	driver.Connector // of pgx

	address     string
	write, read Limits
	onLinux     *atomic.Pointer[bool] // whether the server runs on Linux; nil before the first connection
}

// New reads the URL. The connections need no prepared statements and no session state. Bun writes the arguments into the
// statement, so preparing would save planning alone. Errors quote no part of the URL.
func New(url string, write, read Limits) (Connector, error) {
	config, err := parseURL(url)
	if err != nil {
		return Connector{}, err
	}
	setSession(config.RuntimeParams)
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	if config.ConnectTimeout == 0 || config.ConnectTimeout > connectTimeout {
		config.ConnectTimeout = connectTimeout
	}
	config.DialFunc = newDialer(config.ConnectTimeout).DialContext
	return Connector{
		Connector: stdlib.GetConnector(*config, stdlib.OptionAfterConnect(prepare)),
		address:   net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port))) + "/" + config.Database,
		write:     write, read: read,
		onLinux: new(atomic.Pointer[bool]),
	}, nil
}

// Address is the host, the port and the name of the database.
func (c Connector) Address() string { return c.address }

// WithLimits returns a connector with other limits for all transactions.
func (c Connector) WithLimits(limits Limits) Connector {
	c.write, c.read = limits, limits
	return c
}

// Connect implements driver.Connector.
func (c Connector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	conn, ok := inner.(*stdlib.Conn)
	if !ok {
		_ = inner.Close()
		return nil, fmt.Errorf("a connection is a %T", inner)
	}
	linux, err := c.isOnLinux(ctx, conn.Conn())
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	major := majorVersion(conn.Conn().PgConn().ParameterStatus("server_version"))
	return &limitedConn{Conn: conn, write: c.write.SetLocal(major, linux), read: c.read.SetLocal(major, linux)}, nil
}

// isOnLinux says whether the server runs on Linux. It is asked for once, over the first connection.
func (c Connector) isOnLinux(ctx context.Context, conn *pgx.Conn) (linux bool, err error) {
	if known := c.onLinux.Load(); known != nil {
		return *known, nil
	}
	err = conn.QueryRow(ctx, "SELECT version() LIKE '%linux%'").Scan(&linux)
	if err == nil {
		c.onLinux.Store(&linux)
	}
	return linux, err
}

// majorVersion reads versions such as "15.4 (Debian 15.4-1)" and "17beta1"; 0 if it cannot.
func majorVersion(version string) (major int) {
	_, _ = fmt.Sscanf(version, "%d", &major)
	return major
}

// limitedConn is a connection of pgx that begins transactions with limits.
type limitedConn struct {
	*stdlib.Conn

	write, read string // the statements with the limits, sent with BEGIN
}

var _ driver.ConnBeginTx = (*limitedConn)(nil)

// Begin implements driver.Conn.
func (c *limitedConn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

// BeginTx implements driver.ConnBeginTx: BEGIN and the limits are one message, and so one round trip.
func (c *limitedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
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
	return limitedTx{ctx: ctx, tx: tx}, nil
}

func (c *limitedConn) begin(opts driver.TxOptions) (string, error) {
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

// limitedTx is a transaction of pgx. database/sql passes no context to Commit and Rollback: that of BEGIN bounds them.
type limitedTx struct {
	ctx context.Context
	tx  pgx.Tx
}

// Commit implements driver.Tx.
func (t limitedTx) Commit() error { return t.tx.Commit(t.ctx) }

// Rollback implements driver.Tx.
func (t limitedTx) Rollback() error { return t.tx.Rollback(t.ctx) }

// deadPeer is about how long a lost server may go unnoticed. After it, idle connections of the pool fail at once; otherwise each would
// cost a request its whole time.
const deadPeer = 15 * time.Second

// newDialer makes a dialer whose connections notice dead servers: sent data has to be acknowledged, and idle connections are probed.
func newDialer(timeout time.Duration) *net.Dialer {
	return &net.Dialer{
		Timeout: timeout,
		KeepAliveConfig: net.KeepAliveConfig{
			Enable: true, Idle: deadPeer / 3, Interval: deadPeer / 3, Count: 2,
		},
		Control: limitUnacknowledged,
	}
}
