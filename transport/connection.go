package transport

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

type connKey struct{}

// connOf is the connection below TLS that the request of ctx came by, or nil.
func connOf(ctx context.Context) any {
	conn := ctx.Value(connKey{})
	if secure, ok := conn.(*tls.Conn); ok {
		return secure.NetConn()
	}
	return conn
}

// kernelBytes is what the kernel may take for a stream's reader, who stalls unseen until it is full: at 50 KB/s of events
// the 64 KB of an outbox (Linux doubles what is asked for) hid it for 2.5 s. It also bounds a distant reader's speed: 64 KB
// each round trip.
//
// When a socket closes it may take more: the rest of a frame that an outbox takes, and the close frame. The kernel goes on
// delivering these at the reader's pace when the socket is long gone here.
const (
	kernelBytes  = 32 << 10
	closingBytes = kernelBytes + outboxBytes
)

// boundKernel keeps the kernel from buffering megabytes for a reader who stalls, which would also hide that it does.
// HTTP/2 has a window of its own for each stream.
func boundKernel(r *http.Request) {
	if r.ProtoMajor == 1 {
		setKernel(r.Context(), kernelBytes)
	}
}

func setKernel(ctx context.Context, bytes int) {
	if kernel, ok := connOf(ctx).(interface{ SetWriteBuffer(bytes int) error }); ok {
		_ = kernel.SetWriteBuffer(bytes)
	}
}

// breakOff ends a response so that its reader sees a failure. In HTTP/1.0, which nginx speaks to us unless it is told
// otherwise, closing is how a response ends in order; there the connection is reset.
func breakOff(r *http.Request) {
	if kernel, ok := connOf(r.Context()).(interface{ SetLinger(seconds int) error }); ok && !r.ProtoAtLeast(1, 1) {
		_ = kernel.SetLinger(0)
	}
	panic(http.ErrAbortHandler)
}

// What a client may send over a socket: frames that are no messages (empty fragments, pongs) cost CPU too, ten million of
// them a second and connection.
const (
	readRate  = 256 << 10 // bytes a second
	readBurst = 1 << 20
)

// pacedUpgrade hands over a connection that is read no faster than that; more waits in the kernel, and then at the client.
type pacedUpgrade struct {
	http.ResponseWriter

	conn net.Conn // what was handed over
}

// Hijack implements http.Hijacker.
func (w *pacedUpgrade) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	w.conn = &pacedConn{Conn: conn, closed: make(chan struct{})}
	return w.conn, buffered, nil
}

// pacedConn is read by one goroutine.
type pacedConn struct {
	net.Conn

	pace   pace
	once   sync.Once
	closed chan struct{}
}

// Read reads, and then waits if that was too much.
func (c *pacedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	ahead := c.pace.add(time.Now(), time.Duration(n)*time.Second/readRate)
	if early := ahead - readBurst*time.Second/readRate; early > 0 {
		timer := time.NewTimer(early)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.closed:
		}
	}
	return n, err
}

// Close ends a wait too.
func (c *pacedConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// serverLog sorts what net/http says. A panic is a fault of ours; the rest is what networks do (a scanner that speaks no
// TLS, a laptop that fell asleep), and would fill the log at night.
type serverLog struct{ log *slog.Logger }

// Write gets one line at a time.
func (l serverLog) Write(line []byte) (int, error) {
	level := slog.LevelDebug
	if bytes.Contains(line, []byte("panic")) {
		level = slog.LevelError
	}
	l.log.Log(context.Background(), level, "net/http", "says", string(bytes.TrimSpace(line)))
	return len(line), nil
}
