package services

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisStart bounds how long a redis-server may take to answer; on an idle machine it takes some 10 ms.
const redisStart = 20 * time.Second

var errNoRedis = errors.New("no redis-server in PATH")

// FindRedis returns the path of redis-server.
func FindRedis() (string, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return "", errNoRedis
	}
	return path, nil
}

// Redis returns the URL of a Redis for a test that only uses it and breaks nothing. It is the test's own and empty if
// there is a redis-server binary; else it is TEST_REDIS_URL, shared with other tests, so a test has to put something
// of its own into its keys and must not flush.
func Redis(t testing.TB) string {
	t.Helper()
	if _, err := FindRedis(); err == nil {
		return NewRedisServer(t).URL()
	}
	url := os.Getenv("TEST_REDIS_URL")
	if url == "" {
		Missing(t, fmt.Errorf("%w and TEST_REDIS_URL is not set", errNoRedis))
	}
	return url
}

// RedisServer is a redis-server of one test, which may break it. It persists nothing. Its methods fail the test if they
// cannot do what they say; they are for one goroutine at a time, that of the test.
type RedisServer struct {
	t       testing.TB
	binary  string
	dir     string
	args    []string
	port    *port
	running *child // nil while down

	sentinel string // set for a sentinel: the text of its configuration file, which it rewrites
}

// NewRedisServer starts a redis-server, with further arguments such as "--maxmemory", "2mb". It ends with the test.
func NewRedisServer(t testing.TB, args ...string) *RedisServer {
	t.Helper()
	s := newRedisServer(t, args)
	s.start()
	return s
}

// newRedisServer prepares a server that is down.
func newRedisServer(t testing.TB, args []string) *RedisServer {
	t.Helper()
	binary, err := FindRedis()
	if err != nil {
		Missing(t, err)
	}
	port, err := holdPort()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(port.release)
	// Not t.TempDir: the name of a test may be too long for the watchdog, which removes the directory.
	dir, err := os.MkdirTemp("", "test-redis-")
	if err != nil {
		t.Fatal(err)
	}
	s := &RedisServer{t: t, binary: binary, dir: dir, args: args, port: port}
	t.Cleanup(s.close)
	return s
}

// Addr returns host:port; it stays the same for the server's life.
func (s *RedisServer) Addr() string { return net.JoinHostPort("127.0.0.1", s.port.String()) }

// URL returns the server's database 0 as a redis:// URL.
func (s *RedisServer) URL() string { return "redis://" + s.Addr() + "/0" }

// Kill ends the server with SIGKILL and returns when it is gone. Connecting is refused from then on.
func (s *RedisServer) Kill() { s.t.Helper(); s.down("KILL") }

// Restart starts the server again, or anew if it runs: on the same port, and empty.
func (s *RedisServer) Restart() {
	s.t.Helper()
	if s.running != nil {
		s.Kill()
	}
	s.start()
}

// Pause freezes the server: connections stay open, and new ones are accepted by the kernel, but nothing answers.
func (s *RedisServer) Pause() { s.t.Helper(); s.signal(syscall.SIGSTOP) }

// Resume ends Pause.
func (s *RedisServer) Resume() { s.t.Helper(); s.signal(syscall.SIGCONT) }

func (s *RedisServer) signal(signal syscall.Signal) {
	s.t.Helper()
	if s.running == nil {
		s.t.Fatalf("redis-server is down: %v sent to nobody", signal)
	}
	if err := s.running.signal(signal); err != nil {
		s.t.Fatalf("%v to redis-server: %v", signal, err)
	}
}

func (s *RedisServer) start() {
	s.t.Helper()
	command, err := s.command()
	if err != nil {
		s.t.Fatal(err)
	}
	running, err := startChild(nil, s.dir, "KILL", command...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.running = running
	ctx, cancel := context.WithTimeout(context.Background(), redisStart)
	defer cancel()
	if err := poll(ctx, s.ping); err != nil {
		s.t.Fatalf("redis-server did not start: %v\n%s", err, serviceLog(s.dir))
	}
}

func (s *RedisServer) command() ([]string, error) {
	where := []string{"--bind", "127.0.0.1", "--port", s.port.String(), "--dir", s.dir}
	if s.sentinel == "" {
		return slices.Concat([]string{s.binary}, where, []string{"--save", "", "--appendonly", "no"}, s.args), nil
	}
	config := filepath.Join(s.dir, "sentinel.conf")
	err := os.WriteFile(config, []byte(s.sentinel), 0o600)
	return slices.Concat([]string{s.binary, config, "--sentinel"}, where), err
}

func (s *RedisServer) down(signal string) {
	s.t.Helper()
	if s.running == nil {
		s.t.Fatal("redis-server is down already")
	}
	if err := s.running.end(ending{signal: signal, keep: true}); err != nil {
		s.t.Fatalf("end redis-server: %v", err)
	}
	s.running = nil
}

func (s *RedisServer) close() {
	if s.running != nil {
		s.down("KILL")
	}
	if err := os.RemoveAll(s.dir); err != nil {
		s.t.Error(err)
	}
}

// ping first opens a connection of its own: the client logs every refused connection, and those are expected here.
func (s *RedisServer) ping(ctx context.Context) error {
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", s.Addr())
	if err != nil {
		return err
	}
	_ = conn.Close()
	err = s.do(ctx, func(*redis.Client) error { return nil })
	if redis.HasErrorPrefix(err, "NOAUTH") {
		return nil // with "--requirepass" the server is up nevertheless
	}
	return err
}
