package services

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// poolerStart bounds how long a pgbouncer may take to answer; on an idle machine it takes some 10 ms.
const poolerStart = 20 * time.Second

// poolerConfig is for transaction mode. Any password is accepted; the user and the server are those of the DSN. By default a pgbouncer
// that did not reach the server tries again after 15 s.
const poolerConfig = `[databases]
* = host=%s port=%s user=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %s
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = %d
max_client_conn = 2000
server_login_retry = 1
`

// PoolerServer is a pgbouncer in transaction mode before a database. Its methods are for one goroutine at a time.
type PoolerServer struct {
	t       testing.TB
	as      *syscall.Credential
	dir     string
	command []string
	running *child
	dsn     string
}

// NewPooler starts a pgbouncer in transaction mode before a database, with a pool of so many connections to the server. It ends
// with the test.
func NewPooler(t testing.TB, dsn string, connections int) *PoolerServer {
	t.Helper()
	binary, err := FindPgBouncer()
	if err != nil {
		Missing(t, err)
	}
	target, err := url.Parse(dsn)
	if err != nil {
		t.Fatal("the DSN is not a URL")
	}
	port, err := holdPort()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(port.release)
	as, err := unprivileged() // pgbouncer refuses root, as PostgreSQL does
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "test-pgbouncer-")
	if err == nil && as != nil {
		err = os.Chown(dir, int(as.Uid), int(as.Gid))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	config := filepath.Join(dir, "pgbouncer.ini")
	text := fmt.Sprintf(poolerConfig, target.Hostname(), target.Port(), target.User.Username(), port, connections)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	target.Host = "127.0.0.1:" + port.String()
	s := &PoolerServer{t: t, as: as, dir: dir, command: []string{binary, config}, dsn: target.String()}
	t.Cleanup(s.Kill)
	s.Restart()
	return s
}

// Pooler starts a pooler as NewPooler does and returns the DSN that leads through it.
func Pooler(t testing.TB, dsn string, connections int) string {
	t.Helper()
	return NewPooler(t, dsn, connections).DSN()
}

// DSN leads through the pooler.
func (s *PoolerServer) DSN() string { return s.dsn }

// Kill ends the pooler, and with it all connections through it. It does nothing if the pooler is down.
func (s *PoolerServer) Kill() {
	s.t.Helper()
	if s.running == nil {
		return
	}
	if err := s.running.end(ending{signal: "KILL", keep: true}); err != nil {
		s.t.Error(err)
	}
	s.running = nil
}

// Restart starts the pooler on its port and returns when the database answers through it.
func (s *PoolerServer) Restart() {
	s.t.Helper()
	running, err := startChild(s.as, s.dir, "KILL", s.command...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.running = running
	ctx, cancel := context.WithTimeout(context.Background(), poolerStart)
	defer cancel()
	if err := poll(ctx, func(ctx context.Context) error { return answers(ctx, s.dsn) }); err != nil {
		s.t.Fatalf("pgbouncer did not start: %v\n%s", err, serviceLog(s.dir))
	}
}

// answers connects and asks. A pooler plans nothing, so the statement is not prepared.
func answers(ctx context.Context, dsn string) error {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return err
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "SELECT 1")
	return errors.Join(err, conn.Close(ctx))
}
