package services

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(ctx) // the server may be gone
	})
	return conn
}

func run(t *testing.T, conn *pgx.Conn, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func count(t *testing.T, conn *pgx.Conn, query string, args ...any) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var n int
	if err := conn.QueryRow(ctx, query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

const countTables = `SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = 'public'`

func TestPostgresIsEmptyAndSeparate(t *testing.T) {
	t.Parallel()
	one, two := connect(t, Postgres(t)), connect(t, Postgres(t))
	run(t, one, "CREATE TABLE chat (id int)")
	if n := count(t, one, countTables); n != 1 {
		t.Fatalf("the check cannot fail: it sees %d tables, want 1", n)
	}
	if n := count(t, two, countTables); n != 0 {
		t.Errorf("a new database holds %d tables", n)
	}
}

func TestPostgresManyAtOnce(t *testing.T) {
	t.Parallel()
	for range 8 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			run(t, connect(t, Postgres(t)), "CREATE TABLE chat (id int)")
		})
	}
}

func TestPostgresIsDroppedWithConnectionsOpen(t *testing.T) {
	t.Parallel()
	watcher := connect(t, Postgres(t))
	const exists = "SELECT count(*) FROM pg_database WHERE datname = $1"
	var name string
	t.Run("user", func(t *testing.T) {
		conn, err := pgx.Connect(t.Context(), Postgres(t)) // the test itself never closes it
		if err != nil {
			t.Fatal(err)
		}
		name = conn.Config().Database
		if n := count(t, watcher, exists, name); n != 1 {
			t.Fatalf("%d databases called %q during the test", n, name)
		}
	})
	if n := count(t, watcher, exists, name); n != 0 {
		t.Errorf("database %q outlived its test", name)
	}
}

func TestPostgresServerKillKeepsCommits(t *testing.T) {
	t.Parallel()
	s := NewPostgresServer(t)
	before := connect(t, s.DSN())
	run(t, before, "CREATE TABLE chat (id int)")
	run(t, before, "INSERT INTO chat VALUES (1)")
	s.Kill()
	if err := before.Ping(t.Context()); err == nil {
		t.Error("a connection outlived the kill")
	}
	if err := s.cluster.ready(t.Context()); err == nil {
		t.Error("the killed server answers")
	}
	s.Restart()
	after := connect(t, s.DSN())
	if n := count(t, after, "SELECT count(*) FROM chat"); n != 1 {
		t.Errorf("%d rows after the restart, 1 was committed", n)
	}
	s.Restart() // of a running server
	if err := after.Ping(t.Context()); err == nil {
		t.Error("a connection outlived the restart")
	}
}

func TestPostgresServerStop(t *testing.T) {
	t.Parallel()
	s := NewPostgresServer(t)
	conn := connect(t, s.DSN())
	s.Stop()
	answered := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		answered <- conn.Ping(ctx)
	}()
	select {
	case err := <-answered:
		t.Errorf("a stopped server answered: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	s.Continue()
	if err := <-answered; err != nil {
		t.Errorf("after Continue: %v", err)
	}
}

func TestPostgresServerEndsWhileStopped(t *testing.T) {
	t.Parallel()
	ends := map[string]func(*PostgresServer) error{
		"close":   func(s *PostgresServer) error { return s.cluster.Close() },
		"kill":    func(s *PostgresServer) error { return s.cluster.kill() },
		"restart": func(s *PostgresServer) error { return s.cluster.restart() },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := NewPostgresServer(t)
			connect(t, s.DSN())
			s.Stop()
			pids, err := childrenOf(s.cluster.running.pid)
			if err != nil || len(pids) < 2 {
				t.Fatalf("the check cannot fail: it sees the backends %v, %v", pids, err)
			}
			if err := end(s); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if err := poll(ctx, func(context.Context) error { return errIfAlive(pids) }); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPostgresServerSettings(t *testing.T) {
	t.Parallel()
	conn := connect(t, NewPostgresServer(t, "max_connections=7", "fsync=on").DSN())
	const lasting = `SELECT count(*) FROM pg_settings WHERE (name, setting) IN
		(('max_connections', '7'), ('fsync', 'on'), ('synchronous_commit', 'on'), ('full_page_writes', 'on'))`
	if n := count(t, conn, lasting); n != 4 {
		t.Errorf("%d of 4 settings hold", n)
	}
}
