package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"studychat/test/services"
)

// asMain makes the test binary behave as the command, so that signals and exit codes are the real ones.
const asMain = "TESTSERVICES_RUN_AS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		main()
	}
	goleak.VerifyTestMain(m)
}

// command returns the command with exactly the given environment, so that no outside setting affects the test.
func command(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], append([]string{"--"}, args...)...)
	cmd.Env = append([]string{asMain + "=yes", "TMPDIR=" + os.TempDir()}, env...)
	return cmd
}

// needBinaries skips the test if the services are missing. In CI, package services fails then.
func needBinaries(t *testing.T) string {
	t.Helper()
	for _, find := range []func() (string, error){services.FindPostgres, services.FindRedis} {
		if _, err := find(); err != nil {
			t.Skip(err)
		}
	}
	return "PATH=" + os.Getenv("PATH")
}

func TestGivesTheCommandADatabase(t *testing.T) {
	t.Parallel()
	out, err := command(t, []string{needBinaries(t), "CI=true"}, "sh", "-c", "echo $TEST_DATABASE_URL").Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(out), "postgres://postgres@127.0.0.1:") {
		t.Errorf("the command's output is %q", out)
	}
}

func TestKeepsTheDatabaseItIsGiven(t *testing.T) {
	t.Parallel()
	const given = "TEST_DATABASE_URL=postgres://given/db"
	out, err := command(t, []string{needBinaries(t), given}, "sh", "-c", "echo $TEST_DATABASE_URL").Output()
	if err != nil || strings.TrimSpace(string(out)) != "postgres://given/db" {
		t.Errorf("the command sees %q, %v", out, err)
	}
}

func TestExitCode(t *testing.T) {
	t.Parallel()
	const noServer = "TEST_DATABASE_URL=postgres://not-asked/db"
	cases := []struct {
		script, reason string
		code           int
	}{
		{"exit 0", "success", 0},
		{"exit 7", "the command's own code", 7},
		{"kill -s TERM $$", "ended by a signal, in the shell's convention", 128 + int(syscall.SIGTERM)},
	}
	for _, c := range cases {
		t.Run(c.script, func(t *testing.T) {
			t.Parallel()
			cmd := command(t, []string{needBinaries(t), noServer}, "sh", "-c", c.script)
			out, _ := cmd.CombinedOutput()
			if got := cmd.ProcessState.ExitCode(); got != c.code {
				t.Errorf("exit code %d, want %d (%s)\n%s", got, c.code, c.reason, out)
			}
		})
	}
}

func TestCommandThatDoesNotExist(t *testing.T) {
	t.Parallel()
	cmd := command(t, []string{needBinaries(t), "TEST_DATABASE_URL=postgres://not-asked/db"}, "no-such-command")
	out, _ := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "no-such-command") {
		t.Errorf("%v: %s", cmd.ProcessState, out)
	}
}

// TestMissingBinaries runs with a PATH that contains only sh and no apt-get, so that nothing is installed.
func TestMissingBinaries(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		env    []string
		code   int
		says   string
		reason string
	}{
		"at home": {
			nil, 0, "every test on Redis is left out", "reported, not failed",
		},
		"locally with a Redis": {
			[]string{"TEST_REDIS_URL=redis://given"}, 0, "tests that kill Redis are left out", "a URL is not enough to kill",
		},
		"in CI": {
			[]string{"CI=true"}, 1, "CI=true and tests would be left out", "no test may be skipped silently",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := slices.Concat(c.env, []string{"PATH=" + onlyShell(t), "TEST_DATABASE_URL=postgres://not-asked/db"})
			cmd := command(t, env, "sh", "-c", "echo the command ran")
			out, _ := cmd.CombinedOutput()
			if got := cmd.ProcessState.ExitCode(); got != c.code || !strings.Contains(string(out), c.says) {
				t.Errorf("exit code %d, want %d and %q (%s)\n%s", got, c.code, c.says, c.reason, out)
			}
			if ran := strings.Contains(string(out), "the command ran"); ran != (c.code == 0) {
				t.Errorf("the command ran: %v (%s)\n%s", ran, c.reason, out)
			}
		})
	}
}

func onlyShell(t *testing.T) string {
	t.Helper()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(sh, filepath.Join(dir, "sh")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestInstallsWhatIsMissing(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root installs")
	}
	dir := onlyShell(t)
	// An apt-get that prints its arguments and "installs" a redis-server.
	script := "#!" + filepath.Join(dir, "sh") + "\necho apt-get \"$@\"\n" +
		"[ \"$1\" = update ] || { echo '#!/bin/sh' >" + dir + "/redis-server; PATH=/bin:/usr/bin chmod +x " + dir +
		"/redis-server; }\n"
	if err := os.WriteFile(filepath.Join(dir, "apt-get"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := command(t, []string{"PATH=" + dir, "TEST_DATABASE_URL=postgres://not-asked/db"}, "sh", "-c", "echo ran")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"apt-get update\n", "apt-get install -y --no-install-recommends postgresql redis-server pgbouncer prometheus\n", "ran\n"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Contains(string(out), "every test on Redis") {
		t.Errorf("Redis is reported missing after its installation:\n%s", out)
	}
}

func TestPassesSignalsOnAndCleansUp(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	for dir := temp; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil { // PostgreSQL may run as another user
			t.Fatal(err)
		}
	}
	cmd := command(t, []string{needBinaries(t), "TMPDIR=" + temp}, "sh", "-c",
		"trap 'echo heard; exit 9' TERM; echo ready; while :; do sleep 0.05; done")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if got := directories(t, temp); len(got) != 1 {
		t.Errorf("the check cannot fail: PostgreSQL runs in %v", got)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(lines); string(rest) != "heard\n" {
		t.Errorf("%q, %v", rest, err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 9 {
		t.Errorf("exit code %d, want the command's 9", code)
	}
	if got := directories(t, temp); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}

func directories(t *testing.T, in string) []string {
	t.Helper()
	got, err := filepath.Glob(filepath.Join(in, "test-postgres-*"))
	if err != nil {
		t.Fatal(err)
	}
	return got
}
