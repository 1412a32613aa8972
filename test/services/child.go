package services

import (
	_ "embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

//go:embed watchdog.sh
var watchdog string

// child is a service started by this process. It runs under a small shell script, the watchdog, that holds the other end
// of a pipe: when this process closes the pipe, or dies in whatever way, the watchdog ends the service and removes its
// directory.
//
// Pdeathsig was rejected: it fires when the *thread* that started the child ends, so it takes a goroutine locked to a
// thread for good, which goleak would report in every package; it cannot remove a directory; and it is Linux only.
//
// The file leash has a finalizer: a child that is dropped without end is ended by the garbage collector.
type child struct {
	pid      int // of the service itself
	watchdog *exec.Cmd
	leash    io.WriteCloser
}

// ending is how a child ends.
type ending struct {
	signal string // KILL at once; any other gets 5 seconds, then KILL
	keep   bool   // keep the directory, for a restart
	also   []int  // the service's own processes that are stopped and have to be continued
}

// startChild starts the command in dir, its output going to dir/log. It does not wait until the service is ready.
// If this process dies, the watchdog sends signal to it.
func startChild(as *syscall.Credential, dir, signal string, command ...string) (*child, error) {
	cmd := exec.Command("/bin/sh", append([]string{"-c", watchdog, "watchdog", dir, signal}, command...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	// A session of its own: Ctrl-C in the terminal must reach the tests, not the watchdog. A process group alone (Setpgid)
	// becomes orphaned when this process dies, and the kernel sends SIGHUP to such a group if a member is stopped: that killed the watchdog.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: as}
	leash, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &child{watchdog: cmd, leash: leash}
	if _, err := fmt.Fscan(out, &c.pid); err != nil {
		_ = leash.Close()
		return nil, fmt.Errorf("start %s: %w", filepath.Base(command[0]), err)
	}
	return c, nil
}

// signal sends a signal to the service itself.
func (c *child) signal(s syscall.Signal) error { return syscall.Kill(c.pid, s) }

// plan tells the watchdog how to end the service, now or if this process dies.
func (c *child) plan(e ending) error {
	keep := "no"
	if e.keep {
		keep = "yes"
	}
	line := strings.Join([]string{e.signal, keep, strings.Trim(fmt.Sprint(e.also), "[]")}, " ")
	_, err := io.WriteString(c.leash, line+"\n")
	return err
}

// end ends the service and returns when it is gone, its port closed. The watchdog bounds the time.
func (c *child) end(e ending) error {
	planned := c.plan(e)
	_ = c.leash.Close()
	// The script's exit status says only whether its last command found something to do.
	_ = c.watchdog.Wait()
	return planned
}

// serviceLog returns the end of what the service wrote, for an error message.
func serviceLog(dir string) string {
	const most = 4096
	text, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-most):])
}
