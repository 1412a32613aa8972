package services

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// frontendStart bounds how long a program may take to listen.
const frontendStart = 20 * time.Second

// Frontend is a program that listens on a loopback port, such as a web server before the one under test. Its methods are for the goroutine
// of the test.
type Frontend struct {
	t       testing.TB
	dir     string
	command []string
	port    *port
	running *child
}

// NewFrontend starts a program with one file of configuration. Both are made from the port and from a directory of the program's own. It
// ends with the test.
func NewFrontend(t testing.TB, file string, config func(dir, port string) string, command func(dir string) []string) *Frontend {
	t.Helper()
	held, err := holdPort()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(held.release)
	dir, err := os.MkdirTemp("", "test-frontend-")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, file), []byte(config(dir, held.String())), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	f := &Frontend{t: t, dir: dir, command: command(dir), port: held}
	t.Cleanup(func() {
		if f.running != nil {
			f.Kill()
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	f.Start()
	return f
}

// Addr is host:port.
func (f *Frontend) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(f.port.number)) }

// Start starts it again after Kill, and returns when it listens.
func (f *Frontend) Start() {
	f.t.Helper()
	running, err := startChild(nil, f.dir, "KILL", f.command...)
	if err != nil {
		f.t.Fatal(err)
	}
	f.running = running
	ctx, cancel := context.WithTimeout(context.Background(), frontendStart)
	defer cancel()
	err = poll(ctx, func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", f.Addr())
		if err == nil {
			_ = conn.Close()
		}
		return err
	})
	if err != nil {
		f.t.Fatalf("%s did not start: %v\n%s", filepath.Base(f.command[0]), err, serviceLog(f.dir))
	}
}

// Kill ends it, with all of its processes, and returns when it is gone.
func (f *Frontend) Kill() {
	f.t.Helper()
	workers, err := childrenOf(f.running.pid)
	if err == nil {
		err = f.running.end(ending{signal: "KILL", keep: true})
	}
	if err != nil {
		f.t.Fatal(err)
	}
	for _, worker := range workers {
		_ = syscall.Kill(worker, syscall.SIGKILL) // it may have ended with its master
	}
	f.running = nil
}

// Signal sends it a signal, such as the one for reading its configuration again.
func (f *Frontend) Signal(s syscall.Signal) {
	f.t.Helper()
	if err := f.running.signal(s); err != nil {
		f.t.Fatal(err)
	}
}

// Log is the end of what it wrote.
func (f *Frontend) Log() string { return serviceLog(f.dir) }
