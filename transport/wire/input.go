package wire

import (
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// What a client may send. Frames that are not messages (empty fragments, pongs) cost CPU too: unlimited, a connection carries
// ten million of them per second.
const (
	ReadRate  = 256 << 10 // bytes a second
	ReadBurst = 1 << 20
)

const inputBuffer = 4 << 10

var inputBuffers = sync.Pool{New: func() any { return new([inputBuffer]byte) }}

// Input reads a connection for one goroutine. It has a buffer only while there are bytes in it: on idle connections the buffers
// would be most of the memory. What comes faster than the pace waits in the kernel, and then at the client.
type Input struct {
	conn   net.Conn
	kernel syscall.RawConn // nil: the connection is not the kernel's
	pace   Pace

	buffer     *[inputBuffer]byte
	begin, end int
	direct     []byte // the reader's own memory, while it reads a lot
	n          int    // what take has read
	err        error
	take       func(fd uintptr) bool // in.readNow, made once

	mu     sync.Mutex
	closed bool
	wake   chan struct{} // closed by Close; only while the pace is waited for
}

// NewInput makes an Input. first is what was read from the connection before.
func NewInput(conn net.Conn, first []byte) *Input {
	in := &Input{conn: conn, kernel: kernelOf(conn)}
	in.take = in.readNow
	if len(first) > 0 && len(first) <= inputBuffer {
		in.buffer, _ = inputBuffers.Get().(*[inputBuffer]byte)
		in.end = copy(in.buffer[:], first)
	} else if len(first) > 0 {
		in.err = io.ErrShortBuffer // more than net/http's own buffer holds
	}
	return in
}

// Buffered says whether there are bytes that can be read without waiting.
func (in *Input) Buffered() bool { return in.begin < in.end }

// Read waits for bytes.
func (in *Input) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if !in.Buffered() {
		if err := in.fill(p); err != nil {
			return 0, err
		}
		if !in.Buffered() { // fill has read into p
			return in.n, nil
		}
	}
	n := copy(p, in.buffer[in.begin:in.end])
	in.begin += n
	if in.begin == in.end {
		in.release()
	}
	return n, nil
}

// Discard reads up to the end of the connection.
func (in *Input) Discard() {
	var one [1]byte
	for {
		if _, err := in.Read(one[:]); err != nil {
			return
		}
	}
}

// fill reads into p if that is at least a buffer, otherwise into a borrowed buffer. Where the kernel cannot be asked (TLS), a reader
// waits for the next frame with a single byte, and no buffer is borrowed for that.
func (in *Input) fill(p []byte) error {
	if in.err != nil {
		return in.err
	}
	if len(p) >= inputBuffer || in.kernel == nil && len(p) == 1 {
		in.direct = p
	}
	if in.kernel == nil {
		in.n, in.err = in.conn.Read(in.target())
		in.end = in.n
	} else if err := in.kernel.Read(in.take); err != nil {
		in.err = err
	}
	if in.direct != nil {
		in.end = 0
	}
	in.direct = nil
	if in.err != nil && in.n <= 0 {
		in.release()
		return in.err
	}
	in.paceReads()
	return nil
}

func (in *Input) release() {
	if in.buffer != nil {
		inputBuffers.Put(in.buffer)
		in.buffer = nil
	}
	in.begin, in.end = 0, 0
}

// target is where bytes are read to.
func (in *Input) target() []byte {
	if in.direct != nil {
		return in.direct
	}
	if in.buffer == nil {
		in.buffer, _ = inputBuffers.Get().(*[inputBuffer]byte)
	}
	return in.buffer[:]
}

// paceReads waits if that was too much, or until Close.
func (in *Input) paceReads() {
	ahead := in.pace.Add(time.Now(), time.Duration(in.n)*time.Second/ReadRate)
	early := ahead - ReadBurst*time.Second/ReadRate
	if early <= 0 {
		return
	}
	in.mu.Lock()
	if in.closed {
		in.mu.Unlock()
		return
	}
	wake := make(chan struct{})
	in.wake = wake
	in.mu.Unlock()
	timer := time.NewTimer(early)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	}
	in.mu.Lock()
	in.wake = nil
	in.mu.Unlock()
}

// Close closes the connection. It may be called at any time, and more than once.
func (in *Input) Close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return
	}
	in.closed = true
	if in.wake != nil {
		close(in.wake)
	}
	_ = in.conn.Close()
}
