// Command run runs a command, such as go test, with a throwaway PostgreSQL for it:
//
//	go run ./test/services/run -- go test -race ./...
//
// It finds or starts one PostgreSQL, so that not every package runs initdb, and names it in TEST_DATABASE_URL. Redis it
// only looks for: each test starts its own. Missing binaries are installed where root can use apt-get; otherwise it
// reports which tests will be skipped, and fails with CI=true, where none may be.
//
// With the argument postgres alone it runs a PostgreSQL for a test in another language, which may break it: see services.Serve.
//
// Its exit code is the command's, 128 plus the signal that ended it, or 1. (go run itself turns any failure into 1.)
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"studychat/db/sqlstore"
	"studychat/test/services"
)

// installTime bounds apt-get as a whole.
const installTime = 10 * time.Minute

const usage = "usage: go run ./test/services/run -- COMMAND ARGUMENTS, or go run ./test/services/run postgres"

func main() {
	if len(os.Args) == 2 && os.Args[1] == "postgres" {
		if err := services.Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "testservices/run:", err)
			os.Exit(1)
		}
		return
	}
	code, err := run(os.Args[1:], os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testservices/run:", err)
	}
	os.Exit(code)
}

// run returns the exit code, and an error if that is not the command's own.
//
// Until the command runs, a signal simply ends this process: PostgreSQL's watchdog cleans up.
func run(args []string, stdout, stderr io.Writer) (code int, err error) {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return 1, errors.New(usage)
	}
	if err := prepare(stderr); err != nil {
		return 1, err
	}
	env := os.Environ()
	if _, err := services.FindPostgres(); err == nil && os.Getenv("TEST_DATABASE_URL") == "" {
		cluster, err := services.StartShared(context.Background())
		if err != nil {
			return 1, err
		}
		defer func() { err = errors.Join(err, cluster.Close()) }()
		template, err := services.PrepareTemplate(context.Background(), cluster.DSN(), migrate)
		if err != nil {
			return 1, err
		}
		env = append(env, append(template, "TEST_DATABASE_URL="+cluster.DSN())...)
	}
	return execute(args, env, stdout, stderr)
}

// migrate makes the schema of this version.
func migrate(ctx context.Context, dsn string) error {
	store, err := sqlstore.Open(ctx, dsn, sqlstore.OpenOptions{})
	if err != nil {
		return err
	}
	_, err = store.MigrateUp(ctx)
	return errors.Join(err, store.Close())
}

// service is something that tests need, and what is skipped without its binary.
type service struct {
	find    func() (string, error)
	url     string // names a server to use instead; "" where there is none
	without string // what is skipped with neither binary nor url
	withURL string // what is skipped with url alone
}

var needed = []service{
	{
		services.FindPostgres, "TEST_DATABASE_URL",
		"every test on PostgreSQL is left out",
		"tests that kill PostgreSQL are left out, as they need one of their own",
	},
	{
		services.FindRedis, "TEST_REDIS_URL",
		"every test on Redis is left out",
		"tests that kill Redis are left out, as they need one of their own",
	},
	{services.FindPgBouncer, "", "tests behind a pooler are left out", ""},
	{services.FindPromtool, "", "the alerts are not tried", ""},
}

// proxies are needed by `make test-proxies` alone, which sets TEST_PROXIES.
var proxies = []service{
	{services.FindNginx, "", "tests behind nginx are left out", ""},
	{services.FindHAProxy, "", "tests behind HAProxy are left out", ""},
	{services.FindCaddy, "", "tests behind Caddy are left out", ""},
}

// leftOut returns an error for each service whose binary is missing.
func leftOut() []error {
	var lines []error
	for _, s := range wanted(needed, proxies) {
		_, err := s.find()
		switch {
		case err == nil:
		case s.url == "":
			lines = append(lines, fmt.Errorf("%w: %s", err, s.without))
		case os.Getenv(s.url) == "":
			lines = append(lines, fmt.Errorf("%w, and %s is not set: %s", err, s.url, s.without))
		default:
			lines = append(lines, fmt.Errorf("%w: %s", err, s.withURL))
		}
	}
	return lines
}

// prepare looks for the binaries and installs them if it can. It returns an error if tests would be skipped in CI.
func prepare(output io.Writer) error {
	lines := leftOut()
	if len(lines) > 0 && canInstall() {
		if err := install(output); err != nil {
			lines = append(lines, fmt.Errorf("install them: %w", err))
		} else {
			lines = leftOut()
		}
	}
	if len(lines) > 0 && services.InCI() {
		return fmt.Errorf("CI=true and tests would be left out: %w", errors.Join(lines...))
	}
	for _, line := range lines {
		fmt.Fprintln(output, "testservices/run:", line)
	}
	return nil
}

func canInstall() bool {
	_, err := exec.LookPath("apt-get")
	return err == nil && os.Geteuid() == 0
}

// The packages are Debian's; promtool is in prometheus.
var (
	packages      = []string{"postgresql", "redis-server", "pgbouncer", "prometheus"}
	proxyPackages = []string{"nginx", "haproxy", "caddy"}
)

// wanted is what all tests need, with what the tests of proxies need if they are to run.
func wanted[T any](always, behindProxies []T) []T {
	if os.Getenv("TEST_PROXIES") == "" {
		return always
	}
	return slices.Concat(always, behindProxies)
}

// install shows what apt-get says. The packages may start system-wide servers of their own; RUNLEVEL=1 makes Debian's
// start scripts refrain, and where they do not, no test looks at the usual ports.
func install(output io.Writer) error {
	ctx, cancel := context.WithTimeout(context.Background(), installTime)
	defer cancel()
	for _, args := range [][]string{
		{"update"},
		append([]string{"install", "-y", "--no-install-recommends"}, wanted(packages, proxyPackages)...),
	} {
		apt := exec.CommandContext(ctx, "apt-get", args...)
		apt.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1")
		apt.Stdout, apt.Stderr = output, output
		apt.WaitDelay = 10 * time.Second
		if err := apt.Run(); err != nil {
			return fmt.Errorf("apt-get %s: %w", args[0], err)
		}
	}
	return nil
}

// execute runs the command until it ends, passing signals on to it.
func execute(args, env []string, stdout, stderr io.Writer) (int, error) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(signals)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, os.Stdin, stdout, stderr
	if err := cmd.Start(); err != nil {
		return 1, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			_ = cmd.Process.Signal(s) // it may have ended just now
		case err := <-ended:
			return exitCode(err)
		}
	}
}

func exitCode(err error) (int, error) {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		if err != nil {
			return 1, err
		}
		return 0, nil
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return exit.ExitCode(), nil
}
