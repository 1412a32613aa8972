package services

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// poolerStart bounds how long a pgbouncer may take to answer; on an idle machine it takes some 10 ms.
const poolerStart = 20 * time.Second

// poolerConfig is for transaction mode. Any password is accepted; the user and the server are those of the DSN.
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
`

// Pooler starts a pgbouncer in transaction mode before a database, with a pool of so many connections to the server, and returns
// the DSN that leads through it. It ends with the test.
func Pooler(t testing.TB, dsn string, connections int) string {
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
	running, err := startChild(as, dir, "KILL", binary, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := running.end(ending{signal: "KILL"}); err != nil {
			t.Error(err)
		}
	})
	target.Host = "127.0.0.1:" + port.String()
	ctx, cancel := context.WithTimeout(t.Context(), poolerStart)
	defer cancel()
	if err := poll(ctx, func(ctx context.Context) error { return answers(ctx, target.String()) }); err != nil {
		t.Fatalf("pgbouncer did not start: %v\n%s", err, serviceLog(dir))
	}
	return target.String()
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
