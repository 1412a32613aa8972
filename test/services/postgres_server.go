package services

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
)

// PostgresServer is a PostgreSQL of one test, which may break it. Commits survive Kill. Its methods fail the test if
// they cannot do what they say; they are for one goroutine at a time, that of the test.
type PostgresServer struct {
	t       testing.TB
	cluster *Cluster
}

// NewPostgresServer starts a PostgreSQL, with settings such as "fsync=on" or "max_connections=5". It takes a second
// or two, so a test that breaks nothing uses Postgres instead. It ends with the test.
func NewPostgresServer(t testing.TB, settings ...string) *PostgresServer {
	t.Helper()
	return newPostgresServer(t, false, settings...)
}

// NewSecurePostgres starts a PostgreSQL that speaks TLS only, as localhost, with a certificate of an authority of its own. Its DSN asks for
// verify-full. It ends with the test.
func NewSecurePostgres(t testing.TB) *PostgresServer {
	t.Helper()
	return newPostgresServer(t, true)
}

func newPostgresServer(t testing.TB, secure bool, settings ...string) *PostgresServer {
	t.Helper()
	cluster, err := startCluster(context.Background(), secure, settings...)
	if errors.Is(err, errNoPostgres) {
		Missing(t, fmt.Errorf("%w (TEST_DATABASE_URL does not help: this test breaks its server)", err))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Close(); err != nil {
			t.Error(err)
		}
	})
	return &PostgresServer{t: t, cluster: cluster}
}

// DSN returns the server's database "postgres", which is empty; it stays the same for the server's life.
func (s *PostgresServer) DSN() string { return s.cluster.DSN() }

// Kill ends every process of the server with SIGKILL and returns when they are gone: a crash. Connecting is refused
// from then on.
func (s *PostgresServer) Kill() {
	s.t.Helper()
	s.must("kill", s.cluster.kill())
}

// Stop freezes every process of the server: connections stay open, and new ones are accepted by the kernel, but
// nothing answers.
func (s *PostgresServer) Stop() {
	s.t.Helper()
	s.must("stop", s.cluster.stop())
}

// Continue ends Stop.
func (s *PostgresServer) Continue() {
	s.t.Helper()
	s.must("continue", s.cluster.resume())
}

// Restart starts the server after Kill, with crash recovery; a running one is shut down first, its clients disconnected.
func (s *PostgresServer) Restart() {
	s.t.Helper()
	s.must("restart", s.cluster.restart())
}

func (s *PostgresServer) must(what string, err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("%s PostgreSQL: %v", what, err)
	}
}

var errDown = errors.New("it is down")

// freeze stops the postmaster, so that it starts no more backends, and returns the existing ones. They are not
// one process group: each backend makes a session of its own.
func (c *Cluster) freeze() ([]int, error) {
	if c.running == nil {
		return nil, errDown
	}
	if err := c.running.signal(syscall.SIGSTOP); err != nil {
		return nil, err
	}
	return childrenOf(c.running.pid)
}

func (c *Cluster) kill() error {
	backends, err := c.freeze()
	if err != nil {
		return err
	}
	if err := signalAll(backends, syscall.SIGKILL); err != nil {
		return err
	}
	if err := c.running.end(ending{signal: "KILL", keep: true}); err != nil {
		return err
	}
	c.running = nil
	// The backends are now the children of another, and a new postmaster starts only when they are gone.
	ctx, cancel := context.WithTimeout(context.Background(), oneStatement)
	defer cancel()
	return poll(ctx, func(context.Context) error { return errIfAlive(backends) })
}

func (c *Cluster) stop() error {
	backends, err := c.freeze()
	if err != nil {
		return err
	}
	// If this process dies meanwhile: stopped backends would not notice that their postmaster ends.
	if err := c.running.plan(ending{signal: "QUIT", also: backends}); err != nil {
		return err
	}
	return signalAll(backends, syscall.SIGSTOP)
}

func (c *Cluster) resume() error {
	if c.running == nil {
		return errDown
	}
	backends, err := childrenOf(c.running.pid)
	if err != nil {
		return err
	}
	if err := c.running.plan(ending{signal: "QUIT"}); err != nil {
		return err
	}
	return signalAll(append(backends, c.running.pid), syscall.SIGCONT)
}

func (c *Cluster) restart() error {
	if err := c.shutDown(ending{signal: "INT", keep: true}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), clusterStart)
	defer cancel()
	return c.start(ctx)
}

// shutDown ends a server that may be down or stopped. A stopped one is continued first, as backends that stay stopped
// would stay for good and keep the shared memory.
func (c *Cluster) shutDown(e ending) error {
	if c.running == nil {
		return nil
	}
	err := errors.Join(c.resume(), c.running.end(e))
	c.running = nil
	return err
}

// signalAll ignores processes that ended meanwhile.
func signalAll(pids []int, signal syscall.Signal) error {
	for _, pid := range pids {
		if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("%v to %d: %w", signal, pid, err)
		}
	}
	return nil
}
