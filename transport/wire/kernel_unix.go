//go:build unix

package wire

import (
	"errors"
	"io"
	"net"
	"syscall"
)

// kernelOf is the kernel's side of a connection, or nil: of TLS and of pipes.
func kernelOf(conn any) syscall.RawConn {
	if tcp, ok := conn.(*net.TCPConn); ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			return raw
		}
	}
	return nil
}

// readNow reads what has arrived. It is false if nothing has: then the caller waits, without a buffer.
func (in *Input) readNow(fd uintptr) bool {
	var err error
	for {
		in.n, err = syscall.Read(int(fd), in.target())
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	in.end = max(in.n, 0)
	switch {
	case errors.Is(err, syscall.EAGAIN):
		in.release()
		return false
	case err == nil && in.n == 0:
		err = io.EOF
	}
	in.err = err
	return true
}

// writeNow writes what the kernel takes without waiting.
func (o *output) writeNow(fd uintptr) {
	for {
		n, err := syscall.Write(int(fd), o.bytes)
		if !errors.Is(err, syscall.EINTR) {
			o.n = max(n, 0)
			return
		}
	}
}
