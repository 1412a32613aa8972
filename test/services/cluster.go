package services

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// clusterStart bounds initdb and the start together; on an idle machine they take about a second.
const clusterStart = 90 * time.Second

// oldestPostgres is the oldest major version that is looked for.
const oldestPostgres = 14

var errNoPostgres = errors.New("no initdb and postgres, neither in PATH nor in /usr/lib/postgresql")

// FindPostgres returns the directory of initdb and postgres: that in PATH, else the newest of Debian's, which are not
// in PATH.
func FindPostgres() (string, error) {
	if initdb, err := exec.LookPath("initdb"); err == nil {
		if dir := filepath.Dir(initdb); hasPostgres(dir) {
			return filepath.Abs(dir)
		}
	}
	found, newest := "", oldestPostgres-1
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is well formed
	for _, dir := range dirs {
		version, err := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
		if err == nil && version > newest && hasPostgres(dir) {
			found, newest = dir, version
		}
	}
	if found == "" {
		return "", errNoPostgres
	}
	return found, nil
}

func hasPostgres(dir string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		if _, err := exec.LookPath(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// Cluster is a PostgreSQL server with a data directory of its own, both gone after Close or with this process.
type Cluster struct {
	bin      string
	dir      string
	as       *syscall.Credential
	settings []string
	port     *port
	running  *child // nil while down
	secure   bool   // speaks TLS only
}

// StartShared starts a cluster that many tests use at once and no test kills. It is tuned for speed and loses commits when
// killed.
func StartShared(ctx context.Context) (*Cluster, error) {
	return startCluster(ctx, os.Getenv(kindVariable) == verifyFull, "synchronous_commit=off", "full_page_writes=off")
}

// startCluster starts a cluster with settings such as "fsync=on".
//
// fsync is off unless asked for: only a crash of the machine could tell. synchronous_commit and full_page_writes stay
// on, as a killed process loses its WAL buffers and may leave half a page written.
func startCluster(ctx context.Context, secure bool, settings ...string) (*Cluster, error) {
	bin, err := FindPostgres()
	if err != nil {
		return nil, err
	}
	as, err := unprivileged()
	if err != nil {
		return nil, err
	}
	port, err := holdPort()
	if err != nil {
		return nil, err
	}
	c := &Cluster{bin: bin, as: as, port: port, secure: secure, settings: append([]string{
		"listen_addresses=127.0.0.1", "port=" + port.String(), "unix_socket_directories=",
		"max_connections=200", "fsync=off",
		"dynamic_shared_memory_type=mmap", // in the data directory, so that nothing stays in /dev/shm after a kill
	}, settings...)}
	ctx, cancel := context.WithTimeout(ctx, clusterStart)
	defer cancel()
	if err := c.initialize(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// unprivileged returns the user to run PostgreSQL as, since it refuses root; nil is the current user.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		account, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL refuses to run as root: %w", err)
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

func (c *Cluster) initialize(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "test-postgres-")
	if err != nil {
		return err
	}
	c.dir = dir
	if c.as != nil {
		if err := os.Chown(dir, int(c.as.Uid), int(c.as.Gid)); err != nil {
			return err
		}
	}
	// The C locale sorts by bytes, as SQLite does, and is on every machine.
	initdb := exec.CommandContext(ctx, filepath.Join(c.bin, "initdb"), "--pgdata", c.data(), "--username", "postgres",
		"--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync")
	initdb.Dir = dir
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: c.as}
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if c.secure {
		return c.encrypt()
	}
	return nil
}

func (c *Cluster) start(ctx context.Context) error {
	command := []string{filepath.Join(c.bin, "postgres"), "-D", c.data()}
	for _, setting := range c.settings {
		command = append(command, "-c", setting)
	}
	// QUIT, the immediate shutdown, frees the shared memory, which KILL would leave behind.
	running, err := startChild(c.as, c.dir, "QUIT", command...)
	if err != nil {
		return err
	}
	c.running = running
	if err := poll(ctx, c.ready); err != nil {
		return fmt.Errorf("PostgreSQL did not start: %w\n%s", err, serviceLog(c.dir))
	}
	return nil
}

func (c *Cluster) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.DSN())
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// DSN returns the URL of the database "postgres", as a superuser who may create others.
func (c *Cluster) DSN() string {
	if c.secure {
		return "postgres://postgres@localhost:" + c.port.String() + "/postgres?sslmode=verify-full&sslrootcert=" + url.QueryEscape(c.authority())
	}
	return "postgres://postgres@127.0.0.1:" + c.port.String() + "/postgres?sslmode=disable"
}

// Close ends the server and removes its directory.
func (c *Cluster) Close() error {
	defer c.port.release()
	err := c.shutDown(ending{signal: "QUIT"})
	if c.dir == "" {
		return err
	}
	return errors.Join(err, os.RemoveAll(c.dir))
}
