package services

import (
	"fmt"
	"runtime"
	"strconv"
	"syscall"
	"testing"
)

// Port returns a loopback port for a server of the test's own, which keeps it also while that server is down: what
// connects to it meanwhile is refused, and the server comes back where its clients look for it.
func Port(t testing.TB) int {
	t.Helper()
	held, err := holdPort()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(held.release)
	return held.number
}

// port is a loopback port held for a server, also while the server is down, so that it comes back on the same one.
//
// It is bound with SO_REUSEADDR and never listens: on Linux the server may then bind it too (PostgreSQL and Redis both
// set SO_REUSEADDR), the kernel gives it to nobody who asks for any port, and connecting to it is refused while the
// server is down. That leaves no race to retry, which "listen on :0, close, start" has.
type port struct {
	number int
	socket int // -1 if not held
}

// holdPort picks a free port. Elsewhere than on Linux a held port could not be bound again, so it is let go at once.
func holdPort() (*port, error) {
	syscall.ForkLock.RLock()
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(socket)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, fmt.Errorf("hold a port: %w", err)
	}
	p := &port{socket: socket}
	if err := p.bind(); err != nil {
		p.release()
		return nil, fmt.Errorf("hold a port: %w", err)
	}
	if runtime.GOOS != "linux" {
		p.release()
	}
	return p, nil
}

func (p *port) bind() error {
	if err := syscall.SetsockoptInt(p.socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return err
	}
	if err := syscall.Bind(p.socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return err
	}
	name, err := syscall.Getsockname(p.socket)
	if err != nil {
		return err
	}
	p.number = name.(*syscall.SockaddrInet4).Port
	return nil
}

func (p *port) release() {
	if p.socket >= 0 {
		_ = syscall.Close(p.socket)
		p.socket = -1
	}
}

func (p *port) String() string { return strconv.Itoa(p.number) }
