//go:build unix

package yield

import (
	"os"
	"syscall"
)

// point is a pipe to the goroutine itself. The goroutine writes a byte and waits until it can be read: while it waits, the runtime runs
// all others that can run, and then asks the network, which returns this goroutine along with those that wait for a connection.
// It stays open as long as the process runs.
type point struct {
	read, write *os.File
	reads       syscall.RawConn // of read
	wrote       bool
	one         [1]byte
	step        func(fd uintptr) bool // p.next, made once
}

// newPoint is nil when the process has no files left: then nobody asks the network.
func newPoint() *point {
	read, write, err := os.Pipe()
	if err != nil {
		return nil
	}
	p := &point{read: read, write: write}
	p.reads, _ = read.SyscallConn() // it fails only for a closed file
	p.step = p.next
	return p
}

// park is called by one goroutine at a time.
func (p *point) park() {
	p.wrote = false
	_ = p.reads.Read(p.step) // it fails only if the pipe was closed
}

// next is called until it is true. The runtime waits for the pipe before the second call, even if the byte is already there.
func (p *point) next(fd uintptr) bool {
	if !p.wrote {
		p.wrote = true
		_, err := p.write.Write(p.one[:])
		return err != nil
	}
	_, _ = syscall.Read(int(fd), p.one[:])
	return true
}
