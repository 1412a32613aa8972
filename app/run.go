// Package app is the program: it reads the settings, starts everything in order, serves, and stops in the order that loses
// nothing. Its commands (migrate, epoch bump) and its end-to-end tests live here too.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/redis/go-redis/v9"

	"studychat/config"
	"studychat/metrics"
	"studychat/redisconn"
)

// Main is the whole program but for the exit: it runs until SIGINT or SIGTERM and returns the exit status, which is 0, 1 after
// a failure, or 2 when it was started wrongly. Errors are written to stderr before it returns.
func Main(args, environ []string, stdout io.Writer, stderr *os.File) int {
	// Without this, the first line after the reader of standard error has gone ends the process: Go treats the standard
	// files in that way alone, for the sake of command line tools. A write then fails with EPIPE instead.
	signal.Ignore(syscall.SIGPIPE)
	signal.Ignore(syscall.SIGHUP) // from the first moment on; see onHangup
	ctx, stop := untilSignal()
	defer stop()
	defer tuneMemory(environ)()
	logs := newLogWriter(stderr)
	defer logs.Close(logFlushTimeout)
	slog.SetDefault(newLogger(logs, "auto", slog.LevelInfo))
	redis.SetLogger(redisconn.Log{Logger: slog.Default()})
	err := run(ctx, args, environ, stdout, logs)
	if err != nil {
		fmt.Fprintln(logs, err)
	}
	return exitCode(err)
}

// errUsage means that the command line or the environment is wrong: exit status 2.
var errUsage = errors.New("studychat cannot start like this")

func exitCode(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUsage):
		return 2
	}
	return 1
}

const usage = `studychat                            serve
studychat migrate up|status          apply all migrations, list them
studychat migrate down [--yes NAME]  say what reverting the last group would destroy; revert it in the database NAME
studychat epoch bump                 tell all clients that history changed: after a restored backup
studychat check [--json]             try all that a server with these settings needs, and say what to run where something is missing
studychat healthcheck                ask the server of this machine whether it is ready: for images without a shell
studychat token --sub USER [--name NAME] [--scope "SCOPE …"] [--ttl 1h]
                                     make a token for trying a server with JWT_SECRET
studychat backup FILE [--yes]        copy the SQLite database, while a server uses it, to a new file; with --yes, over an old one
studychat restore FILE [--yes]       put a backup in place of the SQLite database while no server uses it, and raise the epoch
studychat version                    say what this was built from

Settings come from the environment; the README lists them.
`

// run executes the command, or serves until ctx ends. It is the whole program except for the process around it, so that tests
// start what users start. Logs go to stderr, output of commands to stdout.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	if len(args) == 1 && (args[0] == "help" || args[0] == "-h" || args[0] == "--help") {
		_, err := io.WriteString(stdout, usage)
		return err
	}
	if len(args) == 1 && args[0] == "version" {
		_, err := fmt.Fprintln(stdout, "studychat", strings.Join(metrics.Built(), " "))
		return err
	}
	if len(args) >= 1 && args[0] == "check" {
		return checkAll(ctx, environ, args[1:], stdout, slog.New(slog.DiscardHandler))
	}
	settings, err := config.Read(environ)
	if err != nil {
		return fmt.Errorf("%w:\n%w", errUsage, err)
	}
	level := new(slog.LevelVar)
	level.Set(settings.Log.Slog)
	log := newLogger(stderr, settings.Log.Format, level)
	switch {
	case len(args) == 0:
		return serve(ctx, settings, level, log)
	case len(args) >= 2 && args[0] == "migrate":
		return migrate(ctx, settings, args[1], args[2:], stdout, log)
	case len(args) == 2 && args[0] == "epoch" && args[1] == "bump":
		return bumpEpoch(ctx, settings, stdout, log)
	case len(args) == 1 && args[0] == "healthcheck":
		return healthcheck(ctx, settings.HTTP)
	case len(args) >= 1 && args[0] == "backup":
		return backup(ctx, settings.Database, args[1:], stdout)
	case len(args) >= 1 && args[0] == "restore":
		return restore(ctx, settings.Database, args[1:], stdout, log)
	case len(args) >= 1 && args[0] == "token":
		return makeToken(settings.Auth, args[1:], stdout)
	}
	return fmt.Errorf("%w: there is no such command.\n%s", errUsage, usage)
}

// serve runs the server until ctx ends.
func serve(ctx context.Context, settings config.Settings, level *slog.LevelVar, log *slog.Logger) error {
	app, err := newApp(ctx, settings, level, log)
	switch {
	case err != nil && ctx.Err() != nil:
		log.Info("stopped during start")
		return nil
	case err != nil:
		return err
	}
	defer onHangup(app.reload)()
	serving := app.listen()
	select {
	case <-ctx.Done():
		log.Info("stopping")
	case err = <-serving:
		log.Error("the listener failed", "error", err)
	}
	return errors.Join(err, app.stop())
}
